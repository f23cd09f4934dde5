#pragma once
// Signs what packages are made of: catalogs, cabinets, programs.

#include <cstddef>
#include <ctime>
#include <filesystem>
#include <span>
#include <vector>

#include "imaging/core/error.h"
#include "imaging/trust/signer.h"

namespace flashline::imaging {

/// By whom, at which moment, and who witnesses it. Without a time stamper the same file gives the same bytes.
class PackageSigner {
 public:
  /// `signing_time` in seconds since 1970, UTC: what signatures say about themselves.
  PackageSigner(Signer signer, std::time_t signing_time, TimeStamper stamper = {})
      : signer_{std::move(signer)}, signing_time_{signing_time}, stamper_{std::move(stamper)} {}

  const Signer& signer() const { return signer_; }

  /// A catalog with this signer as its only one. Errors: those of Signer::sign.
  Result<std::vector<std::byte>> sign_catalog(std::span<const std::byte> catalog) const;
  /// Signs a cabinet in place: complete or not at all, a former signature is replaced.
  /// Errors: image_open, truncated, cab_form, signature_form (over 4 GiB), image_read, image_write, those of
  /// Signer::sign_content.
  Status sign_cab(const std::filesystem::path& path) const;
  /// The same for a program (PE32, PE32+). Errors: pe_form instead of cab_form.
  Status sign_pe(const std::filesystem::path& path) const;

 private:
  Signer signer_;
  std::time_t signing_time_;
  TimeStamper stamper_;
};

}  // namespace flashline::imaging
