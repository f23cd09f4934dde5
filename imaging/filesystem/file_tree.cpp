#include "imaging/filesystem/file_tree.h"

#include <algorithm>
#include <spdlog/fmt/fmt.h>
#include <sys/stat.h>
#include <unistd.h>
#include <unordered_map>
#include <utility>

#include "imaging/core/errors/build.h"
#include "imaging/core/errors/filesystem.h"
#include "imaging/core/unicode.h"
#include "imaging/filesystem/fat/fat_name.h"
#include "imaging/workspace/windows_path.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;

/// Between the names of a key: no name holds it, and it sorts a folder's contents behind the folder.
constexpr char divider = '\0';

std::string joined(const std::vector<std::string>& parts) { return fmt::format("{}", fmt::join(parts, "/")); }

std::string_view folder_part(std::string_view path, char between) {
  const std::size_t at = path.rfind(between);
  return at == std::string_view::npos ? std::string_view{} : path.substr(0, at);
}

std::optional<Sha256> known(const Sha256& digest) { return digest == Sha256{} ? std::nullopt : std::optional{digest}; }

std::string shown_source(const TreeEntry& entry) { return entry.from.empty() ? "an earlier entry" : entry.from; }

Status check_path(std::string_view path) {
  if (path.empty()) return fail(errc::tree_name, "a file has no name");
  for (std::string_view rest = path; !rest.empty();) {
    const std::size_t end = std::min(rest.find('/'), rest.size());
    const std::string_view name = rest.substr(0, end);
    if (name.empty() || name == "." || name == ".." || name.contains('\0')) {
      return fail(errc::tree_name, fmt::format("'{}' is no path of an image", path));
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  if (path.back() == '/') return fail(errc::tree_name, fmt::format("'{}' is no path of an image", path));
  return {};
}

bool same_file(const TreeEntry& a, const TreeEntry& b) {
  if (a.kind == EntryKind::link) return a.target == b.target;
  return a.digest && a.digest == b.digest && a.size == b.size;
}

Status merge(TreeEntry& there, TreeEntry added) {
  const bool folders = there.kind == EntryKind::folder && added.kind == EntryKind::folder;
  if (folders) {
    there.attributes |= added.attributes;
    if (added.unix_facts) there.unix_facts = added.unix_facts;
    if (there.from.empty()) there.from = std::move(added.from);
    return {};
  }
  if (there.kind == added.kind && same_file(there, added)) return {};
  const char* const what = there.kind == added.kind ? "with other contents" : "as something else";
  return fail(errc::tree_collision, fmt::format("'{}' comes from {} and, {}, from {}", there.path, shown_source(there),
                                                what, added.from.empty() ? "a later one" : added.from));
}

Result<TreeEntry> host_entry(const fs::path& path, std::string name) {
  struct stat facts{};
  if (::lstat(path.c_str(), &facts) != 0) return fail(errc::input_open, path.string());
  TreeEntry entry{.kind = EntryKind::file, .path = std::move(name), .source = path};
  const auto owner = [](std::uint32_t id, std::uint32_t own) { return id == own ? 0 : id; };
  entry.unix_facts = {
      .mode = facts.st_mode & 07777U, .uid = owner(facts.st_uid, ::geteuid()), .gid = owner(facts.st_gid, ::getegid())};
  if (S_ISREG(facts.st_mode)) {
    entry.size = static_cast<std::uint64_t>(facts.st_size);
  } else if (S_ISDIR(facts.st_mode)) {
    entry.kind = EntryKind::folder;
  } else if (S_ISLNK(facts.st_mode)) {
    entry.kind = EntryKind::link;
    std::error_code code;
    entry.target = fs::read_symlink(path, code).string();
    if (code) return fail(errc::input_open, fmt::format("{}: {}", path.string(), code.message()));
  } else {
    return fail(errc::tree_kind, fmt::format("{} is a device, a socket or a pipe", path.string()));
  }
  return entry;
}

Result<std::vector<fs::path>> listing(const fs::path& folder) {
  std::error_code code;
  std::vector<fs::path> paths;
  for (fs::directory_iterator at{folder, code}, end; !code && at != end; at.increment(code)) paths.push_back(*at);
  if (code) return fail(errc::input_open, fmt::format("{}: {}", folder.string(), code.message()));
  std::ranges::sort(paths);
  return paths;
}

}  // namespace

FileTree::FileTree(NameCase name_case) : name_case_{name_case} {
  entries_.emplace(std::string{}, TreeEntry{.kind = EntryKind::folder, .path = {}});
}

Result<std::string> FileTree::key_of(std::string_view path) const {
  std::string key{path};
  if (name_case_ == NameCase::blind) {
    const auto units = utf16_of(path);
    if (!units) return fail(errc::tree_name, "a name is not valid UTF-8");
    key = utf8_of(fat::capitals(*units));
  }
  std::ranges::replace(key, '/', divider);
  return key;
}

Status FileTree::add(const PackageFile& file, std::string_view from) {
  return add(TreeEntry{.kind = EntryKind::file,
                       .path = joined(path_parts(file.device_path)),
                       .attributes = file.attributes,
                       .source = file.source,
                       .size = file.size,
                       .digest = known(file.digest),
                       .from = std::string{from}});
}

Status FileTree::add(const PackageDirectory& directory, std::string_view from) {
  std::string path = joined(path_parts(directory.device_path));
  if (path.empty()) return {};  // the root is there already
  return add(TreeEntry{.kind = EntryKind::folder,
                       .path = std::move(path),
                       .attributes = directory.attributes,
                       .from = std::string{from}});
}

/// The folder that `entry` lies in, made when nobody named it before.
Result<TreeEntry*> FileTree::parent_of(const TreeEntry& entry) {
  const std::string path{folder_part(entry.path, '/')};
  FL_TRY(std::string key, key_of(path));
  if (const auto found = entries_.find(key); found != entries_.end()) {
    if (found->second.kind == EntryKind::folder) return &found->second;
    return fail(errc::tree_collision, fmt::format("'{}' from {} is a file, and {} brings '{}'", found->second.path,
                                                  shown_source(found->second), shown_source(entry), entry.path));
  }
  TreeEntry folder{.kind = EntryKind::folder, .path = path, .from = entry.from};
  FL_TRY(const TreeEntry* const above, parent_of(folder));
  if (!above->path.empty()) folder.path = above->path + "/" + std::string{folder.name()};
  return &entries_.emplace(std::move(key), std::move(folder)).first->second;
}

Status FileTree::add(TreeEntry entry) {
  FL_CHECK(check_path(entry.path));
  FL_TRY(std::string key, key_of(entry.path));
  FL_TRY(const TreeEntry* const parent, parent_of(entry));
  if (const auto found = entries_.find(key); found != entries_.end()) return merge(found->second, std::move(entry));
  if (!parent->path.empty()) entry.path = parent->path + "/" + std::string{entry.name()};
  entries_.emplace(std::move(key), std::move(entry));
  return {};
}

const TreeEntry* FileTree::find(std::string_view path) const {
  const auto key = key_of(name_case_ == NameCase::blind ? joined(path_parts(path)) : std::string{path});
  if (!key) return nullptr;
  const auto found = entries_.find(*key);
  return found == entries_.end() ? nullptr : &found->second;
}

std::vector<TreeFolder> FileTree::folders() const {
  std::vector<TreeFolder> folders;
  std::unordered_map<std::string_view, std::size_t> index;
  for (const auto& [key, entry] : entries_) {
    const std::size_t own = folders.size();
    const std::size_t parent = key.empty() ? 0 : index.at(folder_part(key, divider));
    if (entry.kind == EntryKind::folder) {
      folders.push_back({.entry = &entry, .parent = parent, .children = {}});
      index.emplace(key, own);
    }
    if (!key.empty()) folders[parent].children.push_back({&entry, entry.kind == EntryKind::folder ? own : 0});
  }
  return folders;
}

std::uint64_t FileTree::content_size() const {
  std::uint64_t sum = 0;
  for (const auto& [key, entry] : entries_) sum += entry.size;
  return sum;
}

Result<FileTree> tree_of_folder(const fs::path& folder, NameCase name_case) {
  FileTree tree{name_case};
  std::vector<std::string> open{""};
  while (!open.empty()) {
    const std::string inside = std::move(open.back());
    open.pop_back();
    FL_TRY(const auto paths, listing(folder / inside));
    for (const fs::path& path : paths) {
      std::string name = inside.empty() ? path.filename().string() : inside + "/" + path.filename().string();
      FL_TRY(TreeEntry entry, host_entry(path, name));
      if (entry.kind == EntryKind::folder) open.push_back(std::move(name));
      FL_CHECK(tree.add(std::move(entry)));
    }
  }
  return tree;
}

}  // namespace flashline::imaging
