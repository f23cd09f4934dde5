#pragma once
// A line's keys in a folder: root, intermediate and signer as files, and the policies that go with them.

#include <string>
#include <vector>

#include "imaging/trust/package_signer.h"
#include "imaging/trust/trust_policy.h"
#include "tests/fakes/command.h"
#include "tests/fakes/signing_keys.h"
#include "tests/fakes/temp_folder.h"

namespace flashline::fakes {

struct SigningLine {
  explicit SigningLine(const std::string& intermediate_name = "Line Intermediate", CertificateForm signer_form = {})
      : intermediate{make_identity(authority_form(intermediate_name), &root)},
        own{make_identity(signer_form, &intermediate)} {
    write_text(folder / "root.pem", pem_of(root.certificate.get()));
    write_text(folder / "signer.key", pem_of(own.key.get()));
    write_text(folder / "signer.pem", pem_of(own.certificate.get()) + pem_of(intermediate.certificate.get()));
  }

  std::string path(const std::string& name) const { return (folder / name).string(); }
  std::string put(const std::string& name, const std::vector<std::byte>& bytes) const {
    return write_text(folder / name, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  std::vector<std::byte> get(const std::string& name) const {
    const std::string text = slurp(folder / name);
    const auto bytes = std::as_bytes(std::span{text});
    return {bytes.begin(), bytes.end()};
  }

  imaging::PackageSigner signer(imaging::TimeStamper stamper = {}, std::time_t when = test_now) const {
    auto loaded = imaging::Signer::load({.key = folder / "signer.key", .certificate = folder / "signer.pem"});
    return imaging::PackageSigner{std::move(*loaded), when, std::move(stamper)};
  }
  imaging::TrustPolicy policy(std::time_t at = test_now, bool test_anchor = false) const {
    imaging::TrustPolicy policy;
    policy.anchors = {{.pem = pem_of(root.certificate.get()), .name = "root.pem", .test = test_anchor}};
    policy.clock.at = at;
    return policy;
  }

  TempFolder folder;
  Identity root = make_identity(authority_form("Line Root"));
  Identity intermediate;
  Identity own;
};

}  // namespace flashline::fakes
