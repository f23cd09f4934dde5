#pragma once
// Private keys that stay in a PKCS#11 token, through OpenSSL's engine of that name. Not for other rooms.

#include <filesystem>
#include <string>
#include <string_view>

#include "imaging/core/error.h"
#include "imaging/trust/detail/openssl_handles.h"
#include "imaging/trust/secret.h"

namespace flashline::imaging::detail {

/// `key` is the URI of a key in a token (RFC 7512), not a file.
bool is_token_uri(std::string_view key);

/// A handle to the key that `uri` names; every signature with it is made by the token. `driver` is the token's PKCS#11
/// module (empty: the engine's default). The PIN is never asked for on a terminal, and never taken from the URI.
/// Errors: token_key, token_pin.
Result<KeyHandle> load_token_key(const std::string& uri, const std::filesystem::path& driver, const Secret& pin);

}  // namespace flashline::imaging::detail
