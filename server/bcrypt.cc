#include "server/bcrypt.h"

#include <crypt.h>

#include <algorithm>
#include <memory>
#include <string>

#include <openssl/crypto.h>

namespace silverback::server {

using base::Errc;
using base::Status;

namespace {

constexpr size_t kHashBytes = 60;     // $2b$10$ + 22 of salt + 31 of hash
constexpr size_t kSettingBytes = 29;  // up to the end of the salt

bool is_bcrypt_char(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' ||
         c == '/';
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

Status bad(const char* message) {
  return {Errc::kBadData, message};
}

}  // namespace

Status check_bcrypt_hash(std::string_view hash) {
  if (hash.size() < kHashBytes) return bad("hash too short to be a bcrypted password");
  if (hash[0] != '$') return bad("a bcrypt hash must start with '$'");
  const bool known = hash[1] == '2' && (hash[2] == 'a' || hash[2] == 'b' || hash[2] == 'y');
  if (!known || hash[3] != '$') return bad("bcrypt hashes of the kinds 2a, 2b and 2y are known");
  if (!is_digit(hash[4]) || !is_digit(hash[5]) || hash[6] != '$') {
    return bad("the bcrypt hash has no cost");
  }
  const int cost = (hash[4] - '0') * 10 + (hash[5] - '0');
  if (cost < 4 || cost > 31) return bad("bcrypt cost is outside allowed inclusive range 4..31");
  const std::string_view rest = hash.substr(7);
  if (hash.size() != kHashBytes || !std::all_of(rest.begin(), rest.end(), is_bcrypt_char)) {
    return bad("the text behind the cost is no bcrypt salt and hash");
  }
  return {};
}

bool bcrypt_matches(std::string_view hash, std::string_view password) {
  // 2a and 2y name the same function; libcrypt's own 2a differs for a few passwords.
  std::string setting(hash.substr(0, kSettingBytes));
  setting[2] = 'b';
  const bool usable = password.find('\0') == std::string_view::npos;
  const std::string phrase(password.substr(0, 72));
  const auto data = std::make_unique<crypt_data>();
  const char* computed = ::crypt_r(phrase.c_str(), setting.c_str(), data.get());
  if (computed == nullptr) return false;
  const std::string_view got(computed);
  const bool same = got.size() == hash.size() && got.size() == kHashBytes &&
                    CRYPTO_memcmp(got.data() + kSettingBytes, hash.data() + kSettingBytes,
                                  kHashBytes - kSettingBytes) == 0;
  OPENSSL_cleanse(data.get(), sizeof(crypt_data));
  return same && usable;
}

}  // namespace silverback::server
