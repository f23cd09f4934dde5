#pragma once
// A time stamp authority on this machine: `openssl ts` with a key and a certificate of its own.

#include <string>

#include "imaging/trust/time_stamp.h"
#include "tests/fakes/command.h"
#include "tests/fakes/signing_keys.h"
#include "tests/fakes/temp_folder.h"

namespace flashline::fakes {

class TimeAuthority {
 public:
  TimeAuthority()
      : root_{make_identity(authority_form("Time Root"))},
        own_{make_identity({.name = "Time Authority", .extended_key_usage = "critical,timeStamping"}, &root_)} {
    folder_.file("tsa.pem", pem_of(own_.certificate.get()));
    folder_.file("tsa.key", pem_of(own_.key.get()));
    folder_.file("root.pem", pem_of(root_.certificate.get()));
    folder_.file("serial", "01\n");
    folder_.file("tsa.cnf", "[tsa]\ndefault_tsa = line\n[line]\nserial = " + path("serial") +
                                "\nsigner_cert = " + path("tsa.pem") + "\nsigner_key = " + path("tsa.key") +
                                "\nsigner_digest = sha256\ndefault_policy = 1.2.3.4.1\ndigests = sha256\n"
                                "ess_cert_id_alg = sha256\nordering = no\ntsa_name = no\n");
  }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::string config() const { return path("tsa.cnf"); }

  /// Answers as `openssl ts -reply` does, at the time that this machine has, or `fake_time` ("@seconds").
  Result<std::vector<std::byte>> operator()(std::span<const std::byte> request,
                                            const std::string& fake_time = {}) const {
    write_text(folder_ / "request", {reinterpret_cast<const char*>(request.data()), request.size()});
    std::vector<std::string> words{"openssl",       "ts",   "-reply",        "-config", config(), "-queryfile",
                                   path("request"), "-out", path("response")};
    if (!fake_time.empty()) words.insert(words.begin(), {"faketime", "-f", fake_time});
    run_command(words);
    const std::string answer = slurp(folder_ / "response");
    const auto bytes = std::as_bytes(std::span{answer});
    return std::vector<std::byte>{bytes.begin(), bytes.end()};
  }
  imaging::TimeStamper stamper(const std::string& fake_time = {}) const {
    return [this, fake_time](std::span<const std::byte> request) { return (*this)(request, fake_time); };
  }
  imaging::TrustAnchor anchor() const { return {.pem = pem_of(root_.certificate.get()), .name = "time.pem"}; }

 private:
  TempFolder folder_;
  Identity root_;
  Identity own_;
};

}  // namespace flashline::fakes
