#pragma once
// The keys of one hive, merged out of many packages: the last writer of a value wins, and it is known who that was.

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/error.h"
#include "imaging/filesystem/registry/key_security.h"
#include "imaging/package/package.h"

namespace flashline::imaging {

/// A part of a list that somebody added to what others set.
struct AddedPart {
  std::u16string text;
  std::uint32_t writer = 0;
};

/// A value in a tree. Its name stays as whoever made it wrote it.
struct TreeValue {
  std::u16string name;  ///< empty: the key's default value
  RegistryType type = RegistryType::none;
  std::vector<std::byte> data;  ///< of a list with all added parts, which come last
  std::uint32_t writer = 0;     ///< who set it, or began it by adding to it
  std::vector<AddedPart> added{};
};

struct TreeKey {
  std::u16string name;
  std::vector<std::byte> class_name;  ///< as an existing hive stores it; new keys have none
  std::uint16_t flags = 0;            ///< KEY_SYM_LINK and KEY_NO_DELETE of an existing hive
  std::uint32_t security = 0;         ///< for RegistryTree::descriptors(); a new key has its parent's
  /// By upper-cased name: the order in which Windows looks for them.
  std::map<std::u16string, std::unique_ptr<TreeKey>> keys;
  std::map<std::u16string, TreeValue> values;
};

/// Two packages that do not agree on a value.
struct RegistryConflict {
  std::string key, value;  ///< UTF-8; the key's path from the hive's root
  std::string overruled, winner;
  bool operator==(const RegistryConflict&) const = default;
};

/// Keys nest at most this deep, below the root.
inline constexpr std::size_t max_key_depth = 512;
/// In UTF-16 units.
inline constexpr std::size_t max_key_name = 255, max_value_name = 16383;

class RegistryTree {
 public:
  /// An empty hive whose keys administrators may change and `readers` may read.
  explicit RegistryTree(KeyReaders readers = KeyReaders::everybody);
  /// What an existing hive holds; all of it is by `writer`. `descriptors` has what each key's `security` names.
  RegistryTree(TreeKey root, std::vector<std::vector<std::byte>> descriptors, std::string writer);

  /// Makes the key at `path` (parts divided by `\`, from the hive's root; empty: the root itself), and those above it,
  /// and sets `values` in it. Parts of a list that `append`s join the list, whether it is set before or afterwards, in
  /// the order in which they come; a part that is there, in any case, is not added again. Errors: registry_name.
  Status merge(std::string_view path, std::span<const RegistryValue> values, std::string_view writer);

  /// The key at `path`, or nullptr.
  const TreeKey* find(std::string_view path) const;
  /// That value of it, or nullptr.
  const TreeValue* find(std::string_view path, std::string_view name) const;

  const TreeKey& root() const { return root_; }
  /// Security descriptors, self-relative.
  const std::vector<std::vector<std::byte>>& descriptors() const { return descriptors_; }
  const std::string& writer(const TreeValue& value) const { return writers_[value.writer]; }
  /// That one first, then who added parts to it, each once.
  std::vector<std::string> writers(const TreeValue& value) const;
  /// In the order in which they happened; a value that is set to what it was already is none.
  const std::vector<RegistryConflict>& conflicts() const { return conflicts_; }

 private:
  Result<TreeKey*> make(std::string_view path);
  std::uint32_t number_of(std::string_view writer);
  Status set(TreeKey& key, std::string_view path, const RegistryValue& value, std::uint32_t writer);
  void replace(TreeValue& kept, std::string_view path, const RegistryValue& value, std::uint32_t writer);
  void join(TreeValue& kept, std::string_view path, const RegistryValue& value, std::uint32_t writer);

  TreeKey root_;
  std::vector<std::vector<std::byte>> descriptors_;
  std::vector<std::string> writers_;
  std::vector<RegistryConflict> conflicts_;
};

}  // namespace flashline::imaging
