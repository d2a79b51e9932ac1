#pragma once

#include "promql/value.h"
#include "server/pages/html_writer.h"

namespace silverback::server::pages {

/// A value as a table. What is too much for a page is left out, and the page says so.
void write_result_table(HtmlWriter& w, const promql::Value& value);

}  // namespace silverback::server::pages
