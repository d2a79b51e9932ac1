#pragma once

#include <string_view>

#include "base/status.h"

namespace silverback::server {

/// Whether `hash` is a bcrypt hash ("$2a$", "$2b$" or "$2y$", a cost of 4 to 31). The message never
/// shows the text.
base::Status check_bcrypt_hash(std::string_view hash);

/// Whether `password` gives `hash`, which check_bcrypt_hash passed. Takes 2^cost rounds whatever
/// the answer. As everywhere, only the first 72 bytes of a password count; one that holds a zero
/// byte never matches. Threads: any; burns a core for tens of ms.
bool bcrypt_matches(std::string_view hash, std::string_view password);

}  // namespace silverback::server
