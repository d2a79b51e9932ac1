#pragma once

#include <string>

#include "server/api/exposition.h"

namespace silverback::server::api {

/// One io.prometheus.client.MetricFamily with its length in front.
void append_family_protobuf(std::string& out, const ExposedFamily& family, NameEscaping escaping);

}  // namespace silverback::server::api
