#include "server/pages/html_writer.h"

#include <catch2/catch.hpp>

using silverback::server::pages::HtmlWriter;

TEST_CASE("HtmlWriter escapes texts and values, closes in order", "[server]") {
  HtmlWriter w;
  {
    const auto p = w.in("p", {{"title", "\"><script>'&"}, {"", "left out"}});
    w.text("<script>alert(1)</script> & \"x\" 'y'");
    w.leaf("b", "a<b");
    w.empty("input", {{"value", "\" onfocus=\"x"}});
  }
  w.text(std::string_view("\0", 1));
  CHECK(w.take() ==
        "<p title=\"&#34;&gt;&lt;script&gt;&#39;&amp;\">"
        "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &#34;x&#34; &#39;y&#39;"
        "<b>a&lt;b</b><input value=\"&#34; onfocus=&#34;x\"></p>\n\xef\xbf\xbd");
}
