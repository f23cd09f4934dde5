#pragma once
// Files that carry their own Authenticode signature: cabinets and programs. Taken apart into what the signature covers
// and where it stands, so that both kinds are hashed, signed and checked by the same code.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "imaging/core/block_view.h"
#include "imaging/core/digest.h"
#include "imaging/core/error.h"
#include "imaging/core/units.h"

namespace flashline::imaging {

/// Part of SignableFile::head, in bytes.
struct HeadPart {
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// The file as it is signed: `head`, then `body` bytes of the source from `body_at` on, then `padding` zeros, then the
/// signature. Only the fields of the head that `covered` leaves out depend on the signature.
struct SignableFile {
  enum class Kind : std::uint8_t { cabinet, program };
  Kind kind = Kind::cabinet;
  std::vector<std::byte> head = {};
  std::vector<HeadPart> covered = {};  ///< parts of the head that the digest covers, in order; body and padding follow
  ByteOffset body_at;
  ByteCount body;
  std::uint32_t padding = 0;
  std::vector<std::byte> signature = {};  ///< what stands at the signature's place, as it is there; empty: unsigned
  std::size_t place_at = 0;               ///< in `head`: signature's offset and size, 32 bits each
  std::optional<std::size_t> checksum_at = {};  ///< in `head`: a checksum over the whole file
  std::uint16_t subsystem = 0;                  ///< of a program: what it runs in
};

/// Takes a cabinet apart. One that has no room for a signature gets it: header, folders and offsets move by it.
/// Source: "Microsoft Cabinet Format" (MS-CAB) for the header; offset and size of the signature in a header reserve of
/// 20 bytes. Errors: truncated, cab_form, image_read.
Result<SignableFile> read_signable_cab(BlockView& file);
/// Takes a program (PE32, PE32+) apart. Source: "PE Format", Microsoft. Errors: truncated, pe_form, image_read.
Result<SignableFile> read_signable_pe(BlockView& file);
/// The subsystem of drivers and of what else runs in the kernel: IMAGE_SUBSYSTEM_NATIVE.
inline constexpr std::uint16_t native_subsystem = 1;
/// It begins as a program does, whether the rest is right or not. Errors: image_read.
Result<bool> looks_like_pe(BlockView& file);

/// One pass over the file.
struct SignableDigest {
  Sha256 digest{};               ///< of all that is covered
  std::uint32_t body_words = 0;  ///< part of a program's checksum: the sum of the body's 16-bit words
};
/// Errors: image_read.
Result<SignableDigest> digest_of(BlockView& file, const SignableFile& form);

/// The checksum that a program with this signature should have. Source: CheckSumMappedFile, Microsoft.
std::uint32_t checksum_of(const SignableFile& form, std::uint32_t body_words);

/// The PKCS#7 message among the bytes of `form.signature`; nothing else may be there but a few zeros to fill up.
/// Errors: unsigned_file, signature_form.
Result<std::span<const std::byte>> message_in(const SignableFile& form);
/// Makes `form` one that is signed by `message`: the bytes of the signature, their offset and size, the checksum.
/// Errors: signature_form when the file would not fit 4 GiB.
Status place_message(SignableFile& form, std::span<const std::byte> message, std::uint32_t body_words);

/// SpcIndirectDataContent of a file of this kind with this digest: the octets inside its SEQUENCE.
std::vector<std::byte> indirect_data(SignableFile::Kind kind, const Sha256& digest);
/// The digest in those octets, for a file of this kind. Errors: signature_form, weak_signature (not SHA-256).
Result<Sha256> indirect_digest(SignableFile::Kind kind, std::span<const std::byte> content);

}  // namespace flashline::imaging
