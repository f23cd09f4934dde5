#include "imaging/build/package_key.h"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <memory>
#include <span>
#include <unistd.h>

#include "imaging/core/errors/build.h"
#include "imaging/source/content.h"
#include "imaging/source/scratch_folder.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t piece_size = 256UL * 1024;

/// Raised when cabs of the same content come out otherwise.
constexpr std::uint64_t cab_form = 2;

void add_file(KeyHash& hash, const PackageFile& file) {
  hash.add(file.device_path);
  hash.add(file.attributes);
  hash.add(file.size);
  hash.add(file.digest);
}

void add_identity(KeyHash& hash, const PackageIdentity& identity) {
  for (const std::string* text : {&identity.owner, &identity.component, &identity.sub_component, &identity.culture,
                                  &identity.resolution, &identity.partition, &identity.name}) {
    hash.add(*text);
  }
  hash.add(to_text(identity.version));
  hash.add(name_of(identity.cpu));
  hash.add(name_of(identity.owner_type));
  hash.add(name_of(identity.release_type));
}

void add_registry(KeyHash& hash, const std::vector<RegistryKey>& registry) {
  hash.add(registry.size());
  for (const RegistryKey& key : registry) {
    hash.add(key.path);
    hash.add(key.values.size());
    for (const RegistryValue& value : key.values) {
      hash.add(value.name);
      hash.add(static_cast<std::uint64_t>(value.type));
      hash.add(std::uint64_t{value.append});
      hash.add(std::string_view{reinterpret_cast<const char*>(value.data.data()), value.data.size()});
    }
  }
}

}  // namespace

void KeyHash::add(std::string_view text) {
  add(std::uint64_t{text.size()});
  stream_.update(std::as_bytes(std::span{text}));
}

void KeyHash::add(std::uint64_t number) {
  std::array<std::byte, 8> bytes{};
  for (std::byte& byte : bytes) {
    byte = static_cast<std::byte>(number);
    number >>= 8U;
  }
  stream_.update(bytes);
}

void KeyHash::add(const Sha256& digest) { stream_.update(digest); }

Sha256 package_key(const Package& package, const BuildStamp& stamp) {
  KeyHash hash;
  hash.add(cab_form);
  hash.add(stamp.signer);
  hash.add(stamp.fixed_time ? static_cast<std::uint64_t>(stamp.time) : 0);
  hash.add(std::uint64_t{stamp.fixed_time});
  add_identity(hash, package.identity);
  hash.add(package.files.size());
  for (const PackageFile& file : package.files) add_file(hash, file);
  hash.add(package.directories.size());
  for (const PackageDirectory& directory : package.directories) {
    hash.add(directory.device_path);
    hash.add(directory.attributes);
  }
  add_registry(hash, package.registry);
  for (const auto* part : {&package.raw_image, &package.bcd}) {
    hash.add(std::uint64_t{part->has_value()});
    if (*part) add_file(hash, **part);
  }
  for (const std::string& line : package.members) hash.add(line);
  return hash.finish();
}

fs::path key_file(const fs::path& made) {
  fs::path file = made;
  return file += ".key";
}

bool is_up_to_date(const fs::path& made, const Sha256& key) {
  std::error_code code;
  return fs::is_regular_file(fs::symlink_status(made, code)) && has_key(made, key);
}

bool has_key(const fs::path& made, const Sha256& key) {
  std::ifstream in{key_file(made)};
  std::string text;
  return std::getline(in, text) && text == to_hex(key);
}

Status remember_key(const fs::path& made, const Sha256& key) {
  return write_small_file(key_file(made), to_hex(key) + "\n");
}

Result<Sha256> digest_of_file(const fs::path& path) {
  const FileHandle file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file) return fail(errc::input_open, path.string());
  Sha256Stream stream;
  const auto piece = std::make_unique_for_overwrite<std::byte[]>(piece_size);  // most files are small
  for (;;) {
    const ssize_t count = ::read(file.get(), piece.get(), piece_size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(errc::input_open, path.string() + ": cannot be read");
    if (count == 0) return stream.finish();
    stream.update(std::span{piece.get(), static_cast<std::size_t>(count)});
  }
}

}  // namespace flashline::imaging
