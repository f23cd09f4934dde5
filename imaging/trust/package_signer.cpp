#include "imaging/trust/package_signer.h"

#include <algorithm>

#include "imaging/catalog/object_ids.h"
#include "imaging/source/file_view.h"
#include "imaging/source/output_file.h"
#include "imaging/trust/signable_file.h"

namespace flashline::imaging {
namespace {

using ReadForm = Result<SignableFile> (*)(BlockView& file);

constexpr std::size_t piece_size = 256 * 1024;

Status copy_body(BlockView& from, const SignableFile& form, OutputFile& to) {
  std::vector<std::byte> piece(static_cast<std::size_t>(std::min<std::uint64_t>(piece_size, form.body.value)));
  for (std::uint64_t done = 0; done < form.body.value;) {
    const auto now =
        std::span{piece}.first(static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), form.body.value - done)));
    FL_CHECK(from.read(ByteOffset{form.body_at.value + done}, now));
    FL_CHECK(to.write(ByteOffset{form.head.size() + done}, now));
    done += now.size();
  }
  return {};
}

Status write_signed(BlockView& from, const SignableFile& form, const std::filesystem::path& path) {
  FL_TRY(OutputFile to, OutputFile::create(path));
  FL_CHECK(to.write(ByteOffset{0}, form.head));
  FL_CHECK(copy_body(from, form, to));
  const std::uint64_t body_end = form.head.size() + form.body.value;
  FL_CHECK(to.write(ByteOffset{body_end}, std::vector<std::byte>(form.padding)));
  FL_CHECK(to.write(ByteOffset{body_end + form.padding}, form.signature));
  return to.commit();
}

Status sign_file(const std::filesystem::path& path, ReadForm read, const Signer& signer, std::time_t signing_time,
                 const TimeStamper& stamper) {
  FL_TRY(const FileHandle file, open_for_reading(path));
  FL_TRY(const ByteCount size, size_of(file.get()));
  FileView view{file.get(), size};
  FL_TRY(SignableFile form, read(view));
  FL_TRY(const SignableDigest found, digest_of(view, form));
  FL_TRY(const auto message,
         signer.sign_content(oid::indirect_data, indirect_data(form.kind, found.digest), signing_time, stamper));
  FL_CHECK(place_message(form, message, found.body_words));
  return write_signed(view, form, path);
}

/// Errors name the file.
Status named(const std::filesystem::path& path, Status status) {
  if (status) return status;
  return std::unexpected{in_context(path.string(), std::move(status).error())};
}

}  // namespace

Result<std::vector<std::byte>> PackageSigner::sign_catalog(std::span<const std::byte> catalog) const {
  return signer_.sign(catalog, signing_time_, stamper_);
}

Status PackageSigner::sign_cab(const std::filesystem::path& path) const {
  return named(path, sign_file(path, read_signable_cab, signer_, signing_time_, stamper_));
}

Status PackageSigner::sign_pe(const std::filesystem::path& path) const {
  return named(path, sign_file(path, read_signable_pe, signer_, signing_time_, stamper_));
}

}  // namespace flashline::imaging
