#include "imaging/trust/signer.h"

#include <gtest/gtest.h>

#include "imaging/catalog/build_catalog.h"
#include "imaging/core/errors/image.h"
#include "imaging/trust/verify_catalog.h"
#include "tests/fakes/signing_keys.h"
#include "tests/fakes/temp_folder.h"

namespace flashline::imaging {
namespace {

using Bytes = std::vector<std::byte>;
using fakes::TempFolder;

const Bytes hash_table(32, std::byte{1});
constexpr const char* passphrase = "correct horse";

/// A folder with every kind of key and certificate file.
struct Files {
  TempFolder folder;
  fakes::Identity own = fakes::make_identity({});
  fakes::Identity other = fakes::make_identity({});
  std::filesystem::path key = put("key.pem", fakes::pem_of(own.key.get()));
  std::filesystem::path certificate = put("cert.pem", fakes::pem_of(own.certificate.get()));
  std::filesystem::path other_certificate = put("other.pem", fakes::pem_of(other.certificate.get()));
  std::filesystem::path encrypted = put("encrypted.pem", fakes::pem_of(own.key.get(), passphrase));
  std::filesystem::path right_passphrase = put("right.txt", std::string{passphrase} + "\n");
  std::filesystem::path wrong_passphrase = put("wrong.txt", "battery staple\n");
  std::filesystem::path small_key = put("small.pem", fakes::pem_of(fakes::Key{EVP_RSA_gen(1024)}.get()));
  std::filesystem::path curve_key = put("curve.pem", fakes::pem_of(fakes::Key{EVP_EC_gen("P-256")}.get()));
  std::filesystem::path empty = put("empty.pem", "");
  std::filesystem::path broken = put("broken.pem", fakes::pem_of(own.certificate.get()).replace(80, 8, "!!!!!!!!"));
  std::filesystem::path missing = folder / "missing.pem";

  std::filesystem::path put(const char* name, const std::string& text) {
    return fakes::write_text(folder / name, text);
  }
};

const Files& files() {
  static const Files all;
  return all;
}

struct Row {
  const char* name;
  std::filesystem::path Files::* key;
  std::filesystem::path Files::* certificate;
  std::filesystem::path Files::* passphrase;
  std::optional<Errc> refusal;
};

class LoadSigner : public ::testing::TestWithParam<Row> {};

TEST_P(LoadSigner, Decides) {
  const Row& row = GetParam();
  SignerFiles given{.key = files().*row.key, .certificate = files().*row.certificate};
  if (row.passphrase != nullptr) given.passphrase = files().*row.passphrase;
  const auto signer = Signer::load(given);
  ASSERT_EQ(signer.has_value(), !row.refusal.has_value());
  if (signer) return;
  EXPECT_EQ(signer.error().code, *row.refusal) << to_text(signer.error());
  // Promise 8: secrets are in no message.
  EXPECT_EQ(signer.error().detail.find("battery"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(
    Signer, LoadSigner,
    ::testing::Values(
        Row{"plain", &Files::key, &Files::certificate, nullptr, {}},
        Row{"encrypted_with_passphrase", &Files::encrypted, &Files::certificate, &Files::right_passphrase, {}},
        Row{"encrypted_without_passphrase", &Files::encrypted, &Files::certificate, nullptr, errc::key_encrypted},
        Row{"wrong_passphrase", &Files::encrypted, &Files::certificate, &Files::wrong_passphrase, errc::key_encrypted},
        Row{"passphrase_file_missing", &Files::encrypted, &Files::certificate, &Files::missing, errc::key_encrypted},
        Row{"key_missing", &Files::missing, &Files::certificate, nullptr, errc::key_file},
        Row{"key_empty", &Files::empty, &Files::certificate, nullptr, errc::key_file},
        Row{"certificate_as_key", &Files::certificate, &Files::certificate, nullptr, errc::key_file},
        Row{"small_key", &Files::small_key, &Files::certificate, nullptr, errc::key_file},
        Row{"curve_key", &Files::curve_key, &Files::certificate, nullptr, errc::key_file},
        Row{"certificate_missing", &Files::key, &Files::missing, nullptr, errc::certificate_file},
        Row{"key_as_certificate", &Files::key, &Files::key, nullptr, errc::certificate_file},
        Row{"certificate_broken", &Files::key, &Files::broken, nullptr, errc::certificate_file},
        Row{"certificate_of_another_key", &Files::key, &Files::other_certificate, nullptr, errc::key_mismatch}),
    [](const auto& row) { return row.param.name; });

TEST(Signer, SignsReproducibly) {
  const auto signer = Signer::load({.key = files().key, .certificate = files().certificate});
  const Bytes catalog = build_catalog(hash_table);
  EXPECT_EQ(*signer->sign(catalog, fakes::test_now), *signer->sign(catalog, fakes::test_now));
}

TEST(Signer, LengthIsKnownBeforeTheTableIs) {
  const auto signer = Signer::load({.key = files().key, .certificate = files().certificate});
  EXPECT_EQ(signer->sign(build_catalog(hash_table), fakes::test_now)->size(),
            signer->sign(build_catalog(Bytes(32000)), 0)->size());
}

TEST(Signer, ReplacesAFormerSignature) {
  const auto signer = Signer::load({.key = files().key, .certificate = files().certificate});
  const Bytes once = *signer->sign(build_catalog(hash_table), fakes::test_now);
  EXPECT_EQ(*signer->sign(once, fakes::test_now), once);
}

TEST(LoadAnchor, KeepsCertificatesOnly) {
  const auto both = fakes::write_text(files().folder / "both.pem", fakes::pem_of(files().own.key.get()) +
                                                                       fakes::pem_of(files().own.certificate.get()) +
                                                                       fakes::pem_of(files().other.certificate.get()));
  const auto anchor = load_anchor(both, true);
  ASSERT_TRUE(anchor) << to_text(anchor.error());
  EXPECT_TRUE(anchor->test);
  EXPECT_EQ(anchor->pem, fakes::pem_of(files().own.certificate.get()) + fakes::pem_of(files().other.certificate.get()));
}

TEST(LoadAnchor, RefusesWhatIsNoCertificate) {
  for (const auto& path : {files().missing, files().empty, files().broken, files().key}) {
    const auto anchor = load_anchor(path, false);
    ASSERT_FALSE(anchor) << path;
    EXPECT_EQ(anchor.error().code, errc::anchor_file);
  }
}

}  // namespace
}  // namespace flashline::imaging
