#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace silverback::server::pages {

/// One attribute. Those without a name are left out: {on ? "open" : "", ""}.
struct Attr {
  std::string_view name;  // a literal
  std::string value;
};

/// Builds HTML. Everything given as text or as an attribute's value is escaped; only tags and
/// attribute names, which are literals of ours, are not. Threads: one at a time.
class HtmlWriter {
 public:
  using Attrs = std::initializer_list<Attr>;

  /// Closes its element when it dies.
  class Scope {
   public:
    explicit Scope(HtmlWriter& writer) : writer_(&writer) {}
    Scope(Scope&& other) noexcept : writer_(std::exchange(other.writer_, nullptr)) {}
    Scope& operator=(Scope&&) = delete;
    ~Scope() {
      if (writer_ != nullptr) writer_->close();
    }

   private:
    HtmlWriter* writer_;
  };

  [[nodiscard]] Scope in(std::string_view tag, Attrs attrs = {});
  void open(std::string_view tag, Attrs attrs = {});
  void close();  // the innermost
  void text(std::string_view text);
  /// <tag>text</tag>
  void leaf(std::string_view tag, std::string_view text) { leaf(tag, {}, text); }
  void leaf(std::string_view tag, Attrs attrs, std::string_view text);
  /// An element without content: <input>, <link>, <rect/>.
  void empty(std::string_view tag, Attrs attrs);
  void link(const std::string& href, std::string_view text) { leaf("a", {{"href", href}}, text); }

  size_t size() const { return out_.size(); }
  /// The whole text; every element must be closed.
  std::string take();

 private:
  void start(std::string_view tag, Attrs attrs);
  std::string out_;
  std::vector<std::string_view> open_;
};

}  // namespace silverback::server::pages
