#pragma once
// A PKCS#11 token in a folder (SoftHSM2), with one key in it. The driver reads its configuration once a process, so
// there is one token for all tests of a binary.

#include <cstdlib>
#include <string>

#include "tests/fakes/command.h"
#include "tests/fakes/signing_keys.h"
#include "tests/fakes/temp_folder.h"

namespace flashline::fakes {

inline constexpr const char* token_driver = "/usr/lib/softhsm/libsofthsm2.so";
inline constexpr const char* token_pin = "4711-correct";

class SoftToken {
 public:
  /// `key` becomes object "signer" of token "line".
  explicit SoftToken(const EVP_PKEY* key) {
    std::filesystem::create_directory(folder_ / "tokens");
    const std::string config = folder_.file("softhsm2.conf", "directories.tokendir = " + (folder_ / "tokens").string() +
                                                                 "\nobjectstore.backend = file\nlog.level = ERROR\n");
    setenv("SOFTHSM2_CONF", config.c_str(), 1);
    const std::string pem = folder_.file("key.pem", pem_of(key));
    good_ = run({"--init-token", "--free", "--label", "line", "--so-pin", "12345678", "--pin", token_pin}) &&
            run({"--import", pem, "--token", "line", "--label", "signer", "--id", "01", "--pin", token_pin});
    std::filesystem::remove(pem);
  }

  bool good() const { return good_; }
  static std::string uri() { return "pkcs11:token=line;object=signer;type=private"; }
  std::string config() const { return (folder_ / "softhsm2.conf").string(); }

 private:
  static bool run(std::vector<std::string> words) {
    words.insert(words.begin(), "softhsm2-util");
    return run_command(words).exit_code == 0;
  }

  TempFolder folder_;
  bool good_ = false;
};

}  // namespace flashline::fakes
