#include "server/pages/html_writer.h"

#include <cassert>

namespace silverback::server::pages {

namespace {

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '&': out += "&amp;"; break;
      case '"': out += "&#34;"; break;
      case '\'': out += "&#39;"; break;
      case '\0': out += "\xef\xbf\xbd"; break;  // U+FFFD, as parsers make of it
      default: out += c;
    }
  }
}

}  // namespace

void HtmlWriter::start(std::string_view tag, Attrs attrs) {
  out_ += '<';
  out_ += tag;
  for (const Attr& attr : attrs) {
    if (attr.name.empty()) continue;
    out_ += ' ';
    out_ += attr.name;
    out_ += "=\"";
    append_escaped(out_, attr.value);
    out_ += '"';
  }
  out_ += '>';
}

HtmlWriter::Scope HtmlWriter::in(std::string_view tag, Attrs attrs) {
  open(tag, attrs);
  return Scope(*this);
}

void HtmlWriter::open(std::string_view tag, Attrs attrs) {
  start(tag, attrs);
  open_.push_back(tag);
}

void HtmlWriter::close() {
  assert(!open_.empty());
  out_ += "</";
  out_ += open_.back();
  out_ += '>';
  // Line ends keep the source readable; not within elements that show their blanks.
  const std::string_view tag = open_.back();
  open_.pop_back();
  if (tag == "tr" || tag == "div" || tag == "li" || tag == "table" || tag == "p") out_ += '\n';
}

void HtmlWriter::text(std::string_view text) {
  append_escaped(out_, text);
}

void HtmlWriter::leaf(std::string_view tag, Attrs attrs, std::string_view content) {
  open(tag, attrs);
  text(content);
  close();
}

void HtmlWriter::empty(std::string_view tag, Attrs attrs) {
  start(tag, attrs);
}

std::string HtmlWriter::take() {
  assert(open_.empty());
  return std::move(out_);
}

}  // namespace silverback::server::pages
