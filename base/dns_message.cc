#include "base/dns_message.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <arpa/inet.h>

namespace silverback::base {
namespace {

constexpr size_t kHeaderBytes = 12;
constexpr size_t kMaxLabel = 63, kMaxName = 255;
constexpr uint16_t kClassIn = 1, kTypeOpt = 41, kUdpBytes = 4096;
constexpr int kMaxJumps = 64;  // of compressed names

void put16(std::string& out, uint16_t v) {
  out.push_back(static_cast<char>(v >> 8));
  out.push_back(static_cast<char>(v & 0xff));
}

// Reads big-endian fields; after the first failure everything is zero.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  bool ok() const { return ok_; }
  size_t pos() const { return pos_; }
  void seek(size_t pos) {
    if (pos > bytes_.size()) {
      ok_ = false;
    } else {
      pos_ = pos;
    }
  }
  uint8_t u8() {
    if (!ok_ || pos_ >= bytes_.size()) {
      ok_ = false;
      return 0;
    }
    return static_cast<uint8_t>(bytes_[pos_++]);
  }
  uint16_t u16() {
    const auto high = static_cast<unsigned>(u8());
    return static_cast<uint16_t>(high << 8 | u8());
  }
  std::string_view take(size_t n) {
    if (!ok_ || n > bytes_.size() - pos_) {
      ok_ = false;
      return {};
    }
    const std::string_view out = bytes_.substr(pos_, n);
    pos_ += n;
    return out;
  }

  // A name in its usual form with the final dot; what is not printable reads \DDD.
  std::string name() {
    std::string out;
    size_t after = 0;
    for (int jumps = 0; ok_;) {
      const uint8_t length = u8();
      if (!ok_) break;
      if ((length & 0xc0) == 0xc0) {
        const size_t target = static_cast<size_t>(length & 0x3f) << 8 | u8();
        if (after == 0) after = pos_;
        if (++jumps > kMaxJumps) ok_ = false;
        seek(target);
      } else if (length > kMaxLabel || out.size() > 4 * kMaxName) {
        ok_ = false;
      } else if (length == 0) {
        break;
      } else {
        add_label(take(length), out);
      }
    }
    if (!ok_) return {};
    if (after != 0) pos_ = after;
    return out.empty() ? "." : out;
  }

 private:
  static void add_label(std::string_view label, std::string& out) {
    for (const char c : label) {
      const auto byte = static_cast<unsigned char>(c);
      if (c == '.' || c == '\\') {
        out += '\\';
        out += c;
      } else if (byte <= 0x20 || byte >= 0x7f) {
        out += '\\';
        out += static_cast<char>('0' + byte / 100);
        out += static_cast<char>('0' + byte / 10 % 10);
        out += static_cast<char>('0' + byte % 10);
      } else {
        out += c;
      }
    }
    out += '.';
  }

  std::string_view bytes_;
  size_t pos_ = 0;
  bool ok_ = true;
};

// "" for bytes that were not there.
std::string address_text(int family, std::string_view bytes) {
  if (bytes.empty()) return {};
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (inet_ntop(family, bytes.data(), text.data(), text.size()) == nullptr) return {};
  return text.data();
}

// False when the record's data is broken. Records of other types and classes are passed over.
bool read_record(Reader& in, std::vector<DnsRecord>& out) {
  in.name();
  const uint16_t type = in.u16(), record_class = in.u16();
  in.take(4);  // time to live
  const size_t length = in.u16();
  const size_t end = in.pos() + length;
  if (!in.ok()) return false;
  DnsRecord record;
  record.type = static_cast<DnsType>(type);
  bool known = record_class == kClassIn;
  switch (record.type) {
    case DnsType::kA:
      if (length != 4) return false;
      record.value = address_text(AF_INET, in.take(4));
      break;
    case DnsType::kAaaa:
      if (length != 16) return false;
      record.value = address_text(AF_INET6, in.take(16));
      break;
    case DnsType::kNs:
    case DnsType::kCname: record.value = in.name(); break;
    case DnsType::kMx:
      in.u16();  // preference
      record.value = in.name();
      break;
    case DnsType::kSrv:
      in.take(4);  // priority, weight
      record.port = in.u16();
      record.value = in.name();
      break;
    default: known = false; break;
  }
  if (!in.ok() || in.pos() > end) return false;
  in.seek(end);
  if (known && in.ok()) out.push_back(std::move(record));
  return in.ok();
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> out;
  constexpr std::string_view kSpace = " \t\r";
  for (size_t at = line.find_first_not_of(kSpace); at != std::string_view::npos;) {
    const size_t end = std::min(line.find_first_of(kSpace, at), line.size());
    out.push_back(line.substr(at, end - at));
    at = line.find_first_not_of(kSpace, end);
  }
  return out;
}

void read_option(std::string_view option, DnsConfig& config) {
  constexpr std::string_view kNdots = "ndots:";
  if (option.substr(0, kNdots.size()) != kNdots) return;
  option.remove_prefix(kNdots.size());
  int n = 0;
  std::from_chars(option.data(), option.data() + option.size(), n);
  config.ndots = std::clamp(n, 0, 15);
}

std::string full_name(const std::string& name) {
  return !name.empty() && name.back() == '.' ? name : name + ".";
}

}  // namespace

Result<std::string> encode_dns_query(uint16_t id, std::string_view name, DnsType type, bool edns) {
  std::string out;
  put16(out, id);
  put16(out, 0x0100);  // recursion desired
  put16(out, 1);
  put16(out, 0);
  put16(out, 0);
  put16(out, edns ? 1 : 0);
  std::string_view rest = name;
  if (!rest.empty() && rest.back() == '.') rest.remove_suffix(1);
  while (!rest.empty()) {
    const size_t dot = std::min(rest.find('.'), rest.size());
    const std::string_view label = rest.substr(0, dot);
    if (label.empty() || label.size() > kMaxLabel) {
      return Status(Errc::kBadData, "dns: bad name \"" + std::string(name) + "\"");
    }
    out.push_back(static_cast<char>(label.size()));
    out += label;
    rest.remove_prefix(std::min(dot + 1, rest.size()));
  }
  if (out.size() - kHeaderBytes >= kMaxName) {
    return Status(Errc::kBadData, "dns: name too long: \"" + std::string(name) + "\"");
  }
  out.push_back('\0');
  put16(out, static_cast<uint16_t>(type));
  put16(out, kClassIn);
  if (edns) {
    out.push_back('\0');
    put16(out, kTypeOpt);
    put16(out, kUdpBytes);
    out.append(6, '\0');  // extended rcode, version, flags, no options
  }
  return out;
}

Result<DnsResponse> decode_dns_response(std::string_view bytes, std::string_view query) {
  const Status broken(Errc::kBadData, "dns: malformed or unexpected response");
  Reader in(bytes), asked(query);
  const uint16_t id = in.u16(), flags = in.u16(), questions = in.u16(), answers = in.u16();
  in.take(4);
  const uint16_t asked_id = asked.u16();
  asked.seek(kHeaderBytes);
  const std::string asked_name = asked.name();
  const uint16_t asked_type = asked.u16();
  const bool is_response = (flags & 0x8000) != 0;
  if (!in.ok() || !asked.ok() || !is_response || id != asked_id || questions > 1) return broken;
  if (questions == 1) {
    const std::string name = in.name();
    const uint16_t type = in.u16();
    in.u16();
    const auto same = [](char a, char b) { return (a | 0x20) == (b | 0x20); };
    if (!in.ok() || type != asked_type ||
        !std::equal(name.begin(), name.end(), asked_name.begin(), asked_name.end(), same)) {
      return broken;
    }
  }
  DnsResponse out;
  out.rcode = flags & 0xf;
  out.truncated = (flags & 0x0200) != 0;
  for (uint16_t i = 0; i < answers; ++i) {
    if (!read_record(in, out.answers)) {
      if (out.truncated) break;
      return broken;
    }
  }
  return out;
}

DnsConfig parse_resolv_conf(std::string_view text) {
  DnsConfig config;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::vector<std::string_view> words = words_of(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (words.size() < 2 || words[0].front() == '#' || words[0].front() == ';') continue;
    if (words[0] == "nameserver") {
      config.servers.emplace_back(words[1]);
    } else if (words[0] == "domain") {
      config.search.assign(1, std::string(words[1]));
    } else if (words[0] == "search") {
      config.search.assign(words.begin() + 1, words.end());
    } else if (words[0] == "options") {
      for (size_t i = 1; i < words.size(); ++i) read_option(words[i], config);
    }
  }
  return config;
}

std::vector<std::string> dns_name_list(const DnsConfig& config, const std::string& name) {
  if (!name.empty() && name.back() == '.') return {name};
  const auto labels = std::count(name.begin(), name.end(), '.') + 1;
  const bool bare_first = labels > config.ndots;
  std::vector<std::string> out;
  if (bare_first) out.push_back(full_name(name));
  for (const std::string& domain : config.search) {
    if (domain == ".") continue;  // the bare name
    out.push_back(full_name(name + "." + domain));
  }
  if (!bare_first) out.push_back(full_name(name));
  return out;
}

}  // namespace silverback::base
