// The ENGINE interface is deprecated in OpenSSL 3, and still the one that Debian 12 has a PKCS#11 driver for.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "imaging/trust/detail/token_key.h"

#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/ui.h>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/trust.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging::detail {
namespace {

struct FreeEngine {
  void operator()(ENGINE* engine) const noexcept { ENGINE_free(engine); }
  void operator()(UI_METHOD* method) const noexcept { UI_destroy_method(method); }
};
using EngineHandle = std::unique_ptr<ENGINE, FreeEngine>;
using UiHandle = std::unique_ptr<UI_METHOD, FreeEngine>;

int refuse_to_ask(UI*, UI_STRING*) { return 0; }

/// OpenSSL's reasons, oldest first: fixed texts of OpenSSL, the engine and PKCS#11.
std::string take_reasons() {
  std::string text;
  while (const unsigned long error = ERR_get_error()) {
    const char* reason = ERR_reason_error_string(error);
    if (reason != nullptr && text.find(reason) == std::string::npos) {
      text += (text.empty() ? "" : ", ") + std::string{reason};
    }
  }
  return text.empty() ? "no reason given" : text;
}

bool set(const EngineHandle& engine, const char* command, const char* value) {
  return ENGINE_ctrl_cmd_string(engine.get(), command, value, 0) == 1;
}

Result<EngineHandle> open_engine(const std::filesystem::path& driver, const Secret& pin) {
  ENGINE_load_builtin_engines();
  EngineHandle engine{ENGINE_by_id("pkcs11")};
  if (!engine) {
    return fail(errc::token_key, "OpenSSL has no engine pkcs11 (libengine-pkcs11-openssl): " + take_reasons());
  }
  set(engine, "QUIET", nullptr);
  const bool good = (driver.empty() || set(engine, "MODULE_PATH", driver.c_str())) &&
                    set(engine, "PIN", pin.reveal().c_str()) && ENGINE_init(engine.get()) == 1;
  if (good) return engine;
  return fail(errc::token_key,
              fmt::format("the token's driver {} cannot be used: {}", driver.string(), take_reasons()));
}

}  // namespace

bool is_token_uri(std::string_view key) { return folded(key.substr(0, 7)) == "pkcs11:"; }

Result<KeyHandle> load_token_key(const std::string& uri, const std::filesystem::path& driver, const Secret& pin) {
  if (folded(uri).find("pin-value") != std::string::npos) {
    return fail(errc::token_pin, "the key's URI carries a PIN: a command line is seen by everybody on the machine");
  }
  if (pin.empty()) return fail(errc::token_pin, fmt::format("{}: no PIN was given", uri));
  FL_TRY(const EngineHandle engine, open_engine(driver, pin));
  const UiHandle silent{UI_create_method("none")};
  UI_method_set_reader(silent.get(), refuse_to_ask);
  KeyHandle key{ENGINE_load_private_key(engine.get(), uri.c_str(), silent.get(), nullptr)};
  ENGINE_finish(engine.get());  // the key holds its own reference
  if (key) {
    ERR_clear_error();
    return key;
  }
  const std::string reasons = take_reasons();
  const bool pin_wrong = folded(reasons).find("pin") != std::string::npos;
  return fail(pin_wrong ? errc::token_pin : errc::token_key, fmt::format("{}: {}", uri, reasons));
}

}  // namespace flashline::imaging::detail
