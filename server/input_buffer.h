#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

namespace silverback::server {

/// Bytes that have come and are not used yet, in one piece. Threads: externally locked.
class InputBuffer {
 public:
  std::string_view data() const { return {bytes_.get() + begin_, end_ - begin_}; }
  size_t size() const { return end_ - begin_; }
  bool empty() const { return begin_ == end_; }

  /// Room for `n` bytes behind what is there; valid until the next prepare().
  char* prepare(size_t n) {
    if (capacity_ - end_ >= n) return bytes_.get() + end_;
    const size_t have = size();
    if (capacity_ < have + n) {
      const size_t larger = std::max(have + n, capacity_ * 2);
      std::unique_ptr<char[]> moved(new char[larger]);
      if (have > 0) std::memcpy(moved.get(), bytes_.get() + begin_, have);
      bytes_ = std::move(moved);
      capacity_ = larger;
    } else if (have > 0) {
      std::memmove(bytes_.get(), bytes_.get() + begin_, have);
    }
    begin_ = 0;
    end_ = have;
    return bytes_.get() + end_;
  }
  void commit(size_t n) { end_ += n; }
  void consume(size_t n) {
    begin_ += n;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  /// Gives memory back that an idle connection does not need.
  void shrink() {
    if (!empty()) return;
    bytes_.reset();
    begin_ = end_ = capacity_ = 0;
  }

 private:
  std::unique_ptr<char[]> bytes_;
  size_t begin_ = 0;
  size_t end_ = 0;
  size_t capacity_ = 0;
};

}  // namespace silverback::server
