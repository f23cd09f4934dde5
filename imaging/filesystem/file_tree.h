#pragma once
// What a file system of an image is to hold: the files and folders of all packages that target it, merged.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/digest.h"
#include "imaging/core/error.h"
#include "imaging/package/package.h"

namespace flashline::imaging {

enum class EntryKind : std::uint8_t { file, folder, link };

/// Owner and permissions of a Unix file system; FAT and NTFS do without.
struct UnixFacts {
  std::uint32_t mode = 0;  ///< the twelve permission bits
  std::uint32_t uid = 0, gid = 0;
  bool operator==(const UnixFacts&) const = default;
};

struct TreeEntry {
  EntryKind kind = EntryKind::file;
  std::string path{};              ///< '/' between names, none before; empty: the root folder
  std::uint32_t attributes = 0;    ///< file_attribute bits; directory and reparse point bits are never set here
  PayloadSource source{};          ///< of a file
  std::uint64_t size = 0;          ///< of a file, in bytes
  std::optional<Sha256> digest{};  ///< of a file's bytes: checked when they are copied
  std::string target{};            ///< of a symbolic link
  std::optional<UnixFacts> unix_facts{};
  std::string from{};  ///< the package that brought it, for messages and reports

  std::string_view name() const { return std::string_view{path}.substr(path.find_last_of('/') + 1); }
};

/// How names of one folder are told apart: as Windows does, or byte by byte.
enum class NameCase : std::uint8_t { blind, exact };

/// One folder and what lies in it, in the tree's order.
struct TreeFolder {
  struct Child {
    const TreeEntry* entry = nullptr;
    std::size_t folder = 0;  ///< of a folder: its index among folders()
  };
  const TreeEntry* entry = nullptr;
  std::size_t parent = 0;  ///< index among folders(); the root's is its own
  std::vector<Child> children;
};

/// Entries by path. Folders that nobody named are made as they are needed. Where case does not count, the first
/// spelling of a folder's name stays; nothing else depends on the order of the calls.
class FileTree {
 public:
  explicit FileTree(NameCase name_case = NameCase::blind);

  /// `from` is the package that brings it. A digest of zeros only means that nobody knows it. The same path twice is
  /// accepted when digests are known and equal (the first stays), or for folders (attributes add up).
  /// Errors: tree_collision (both are named), tree_name (empty path, `..`, no UTF-8 where case does not count).
  Status add(const PackageFile& file, std::string_view from = {});
  Status add(const PackageDirectory& directory, std::string_view from = {});
  /// The same for a whole entry, `path` with '/'.
  Status add(TreeEntry entry);

  /// Parents before their children, the root first.
  const std::map<std::string, TreeEntry>& entries() const { return entries_; }
  /// `path` with '/' or, where case does not count, '\'. nullptr: not there.
  const TreeEntry* find(std::string_view path) const;
  NameCase name_case() const { return name_case_; }

  /// The same entries folder by folder: [0] is the root, parents stand before their children. Points into this tree.
  std::vector<TreeFolder> folders() const;
  /// Bytes of all files.
  std::uint64_t content_size() const;

 private:
  Result<std::string> key_of(std::string_view path) const;
  Result<TreeEntry*> parent_of(const TreeEntry& entry);
  NameCase name_case_;
  std::map<std::string, TreeEntry> entries_;
};

/// What lies in a folder of this machine, with permissions, owners (the caller's own become 0) and symbolic links;
/// files have no digest. Nothing is read but folders.
/// Errors: input_open, tree_collision, tree_name, tree_kind (devices, sockets, pipes).
Result<FileTree> tree_of_folder(const std::filesystem::path& folder, NameCase name_case = NameCase::exact);

}  // namespace flashline::imaging
