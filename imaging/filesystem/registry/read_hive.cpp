#include "imaging/filesystem/registry/read_hive.h"

#include <algorithm>
#include <map>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/filesystem.h"
#include "imaging/core/unicode.h"
#include "imaging/filesystem/registry/hive_format.h"

namespace flashline::imaging {
namespace {

using namespace hive;

bool is_text(std::span<const std::byte> bytes, std::string_view text) {
  return std::ranges::equal(bytes.first(text.size()), text, {}, {}, [](char c) { return static_cast<std::byte>(c); });
}

class HiveReader {
 public:
  HiveReader(std::span<const std::byte> file, std::string_view writer) : file_{file}, writer_{writer} {}

  Result<RegistryTree> run() {
    FL_TRY(const std::uint32_t root, base_block());
    FL_CHECK(bins());
    used_.resize(cells_.size() / 8);
    TreeKey key;
    FL_CHECK(this->key(root, key, 0));
    return RegistryTree{std::move(key), std::move(descriptors_), std::string{writer_}};
  }

 private:
  using Bytes = std::span<const std::byte>;

  std::unexpected<Error> damaged(std::uint64_t cell, std::string_view what) const {
    return fail(errc::hive_damaged, fmt::format("{}: {} at offset {:#x}", writer_, what, block_size + cell));
  }

  /// Where the root is.
  Result<std::uint32_t> base_block() {
    if (file_.size() < 2 * block_size || !is_text(file_, "regf")) {
      return fail(errc::hive_damaged, fmt::format("{}: this is no registry hive", writer_));
    }
    if (load32(file_.subspan(508)) != checksum(file_)) {
      return fail(errc::hive_damaged, fmt::format("{}: the header's checksum is wrong", writer_));
    }
    minor_ = load32(file_.subspan(24));
    if (load32(file_.subspan(20)) != major_version || minor_ < 3 || minor_ > 6) {
      return fail(errc::hive_version, fmt::format("{}: format {}.{}", writer_, load32(file_.subspan(20)), minor_));
    }
    if (load32(file_.subspan(4)) != load32(file_.subspan(8))) {
      return fail(errc::hive_dirty, fmt::format("{}: sequence numbers {} and {}", writer_, load32(file_.subspan(4)),
                                                load32(file_.subspan(8))));
    }
    const std::uint32_t size = load32(file_.subspan(40));
    if (size == 0 || size % block_size != 0 || size > file_.size() - block_size) {
      return fail(errc::hive_damaged, fmt::format("{}: its bins are {} bytes of {}", writer_, size, file_.size()));
    }
    cells_ = file_.subspan(block_size, size);
    return load32(file_.subspan(36));
  }

  /// The bins follow each other and fill their part of the file.
  Status bins() const {
    for (std::size_t at = 0; at < cells_.size();) {
      const Bytes bin = cells_.subspan(at);
      const std::uint32_t size = load32(bin.subspan(8));
      if (!is_text(bin, "hbin") || load32(bin.subspan(4)) != at) return damaged(at, "no hive bin");
      if (size == 0 || size % block_size != 0 || size > bin.size()) return damaged(at, "a bin of impossible size");
      at += size;
    }
    return {};
  }

  /// The bytes of a cell in use, at least `least` of them. A cell is used once: what the file holds is then at most
  /// what it is large.
  Result<Bytes> cell(std::uint32_t at, std::size_t least, std::string_view what) {
    if (at % 8 != 0 || at < bin_header_size || at >= cells_.size()) return damaged(at, fmt::format("no {}", what));
    if (used_[at / 8]) return damaged(at, fmt::format("a {} that is used twice", what));
    used_[at / 8] = true;
    const auto size = static_cast<std::int32_t>(load32(cells_.subspan(at)));
    const std::int64_t whole = -std::int64_t{size};
    if (whole < static_cast<std::int64_t>(least + cell_header_size)) {
      return damaged(at, fmt::format("a {} in a cell that is {}", what, size >= 0 ? "free" : "too small"));
    }
    if (static_cast<std::uint64_t>(whole) > cells_.size() - at) return damaged(at, fmt::format("half a {}", what));
    return cells_.subspan(at + cell_header_size, static_cast<std::size_t>(whole) - cell_header_size);
  }

  Result<std::u16string> name(std::uint32_t at, Bytes bytes, bool latin1) const {
    std::u16string out;
    if (!latin1 && bytes.size() % 2 != 0) return damaged(at, "a name of half a character");
    for (std::size_t i = 0; i < bytes.size(); i += latin1 ? 1 : 2) {
      out.push_back(latin1 ? std::to_integer<char16_t>(bytes[i]) : static_cast<char16_t>(load16(bytes.subspan(i))));
    }
    return out;
  }

  Status key(std::uint32_t at, TreeKey& out, std::size_t depth) {
    if (depth > max_key_depth) return damaged(at, "a key that is too deep");
    FL_TRY(const Bytes fields, cell(at, key_size, "key"));
    const std::uint32_t flags = load16(fields.subspan(2));
    const std::size_t name_bytes = load16(fields.subspan(72));
    if (!is_text(fields, "nk") || name_bytes > fields.size() - key_size) return damaged(at, "no key");
    FL_TRY(out.name, name(at, fields.subspan(key_size, name_bytes), (flags & key_flag::latin1_name) != 0));
    if (out.name.empty() || out.name.size() > max_key_name || out.name.contains(u'\\')) {
      return damaged(at, "a key with an impossible name");
    }
    out.flags = static_cast<std::uint16_t>(flags & (key_flag::symbolic_link | key_flag::no_delete));
    FL_TRY(out.security, security(load32(fields.subspan(44))));
    FL_CHECK(class_name(fields, out));
    FL_CHECK(values(at, fields, out));
    const std::uint32_t count = load32(fields.subspan(20));
    if (count == 0) return {};
    FL_TRY(const auto cells, subkeys(load32(fields.subspan(28))));
    if (cells.size() != count)
      return damaged(at, fmt::format("a key of {} keys whose list has {}", count, cells.size()));
    for (const std::uint32_t one : cells) FL_CHECK(subkey(one, out, depth));
    return {};
  }

  Status subkey(std::uint32_t at, TreeKey& parent, std::size_t depth) {
    auto child = std::make_unique<TreeKey>();
    FL_CHECK(key(at, *child, depth + 1));
    auto folded = upcased(child->name);
    if (!parent.keys.emplace(std::move(folded), std::move(child)).second)
      return damaged(at, "a second key of one name");
    return {};
  }

  Status class_name(Bytes fields, TreeKey& out) {
    const std::size_t size = load16(fields.subspan(74));
    if (size == 0 || load32(fields.subspan(48)) == no_cell) return {};
    FL_TRY(const Bytes data, cell(load32(fields.subspan(48)), size, "class name"));
    out.class_name.assign(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(size));
    return {};
  }

  /// The number of a descriptor; many keys share one.
  Result<std::uint32_t> security(std::uint32_t at) {
    if (const auto known = known_.find(at); known != known_.end()) return known->second;
    FL_TRY(const Bytes fields, cell(at, security_size, "security descriptor"));
    const std::size_t size = load32(fields.subspan(16));
    if (!is_text(fields, "sk") || size == 0 || size > fields.size() - security_size) {
      return damaged(at, "no security descriptor");
    }
    const Bytes bytes = fields.subspan(security_size, size);
    descriptors_.emplace_back(bytes.begin(), bytes.end());
    return known_[at] = static_cast<std::uint32_t>(descriptors_.size() - 1);
  }

  /// The cells of the keys in a list; an index holds lists.
  Result<std::vector<std::uint32_t>> subkeys(std::uint32_t at, bool in_index = false) {
    FL_TRY(const Bytes list, cell(at, list_header_size, "list of keys"));
    const std::size_t count = load16(list.subspan(2));
    const bool hashed = is_text(list, "lh") || is_text(list, "lf");
    const bool index = is_text(list, "ri") && !in_index;
    if ((!hashed && !index && !is_text(list, "li")) || count > (list.size() - list_header_size) / (hashed ? 8 : 4)) {
      return damaged(at, "no list of keys");
    }
    std::vector<std::uint32_t> out;
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint32_t one = load32(list.subspan(list_header_size + i * (hashed ? 8 : 4)));
      if (!index) {
        out.push_back(one);
        continue;
      }
      FL_TRY(const auto below, subkeys(one, true));
      out.insert(out.end(), below.begin(), below.end());
    }
    return out;
  }

  Status values(std::uint32_t at, Bytes fields, TreeKey& out) {
    const std::size_t count = load32(fields.subspan(36));
    if (count == 0) return {};
    if (count > cells_.size() / 4) return damaged(at, "a key with too many values");
    FL_TRY(const Bytes list, cell(load32(fields.subspan(40)), 4 * count, "list of values"));
    for (std::size_t i = 0; i < count; ++i) FL_CHECK(value(load32(list.subspan(4 * i)), out));
    return {};
  }

  Status value(std::uint32_t at, TreeKey& key) {
    FL_TRY(const Bytes fields, cell(at, value_size, "value"));
    const std::size_t name_bytes = load16(fields.subspan(2));
    if (!is_text(fields, "vk") || name_bytes > fields.size() - value_size) return damaged(at, "no value");
    TreeValue out;
    const bool latin1 = (load16(fields.subspan(16)) & latin1_value_name) != 0;
    FL_TRY(out.name, name(at, fields.subspan(value_size, name_bytes), latin1));
    if (out.name.size() > max_value_name) return damaged(at, "a value with an impossible name");
    out.type = RegistryType{load32(fields.subspan(12))};
    FL_TRY(out.data, data(at, load32(fields.subspan(4)), fields.subspan(8, 4)));
    auto folded = upcased(out.name);
    if (!key.values.emplace(std::move(folded), std::move(out)).second) return damaged(at, "a second value of one name");
    return {};
  }

  Result<std::vector<std::byte>> data(std::uint32_t at, std::uint32_t size, Bytes place) {
    if ((size & data_inline) != 0) {
      if ((size & ~data_inline) > 4) return damaged(at, "a value with more data than fits in it");
      return std::vector<std::byte>(place.begin(), place.begin() + (size & ~data_inline));
    }
    if (size == 0) return std::vector<std::byte>{};
    if (size > segment_size && minor_ >= big_data_since) return big_data(load32(place), size);
    FL_TRY(const Bytes bytes, cell(load32(place), size, "value's data"));
    return std::vector<std::byte>(bytes.begin(), bytes.begin() + size);
  }

  Result<std::vector<std::byte>> big_data(std::uint32_t at, std::uint32_t size) {
    FL_TRY(const Bytes fields, cell(at, 8, "value's data"));
    const std::size_t count = load16(fields.subspan(2));
    if (!is_text(fields, "db") || count != (size + segment_size - 1) / segment_size) {
      return damaged(at, "no large value's data");
    }
    FL_TRY(const Bytes list, cell(load32(fields.subspan(4)), 4 * count, "list of segments"));
    std::vector<std::byte> out;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t here = std::min<std::size_t>(segment_size, size - out.size());
      FL_TRY(const Bytes segment, cell(load32(list.subspan(4 * i)), here, "segment of data"));
      out.insert(out.end(), segment.begin(), segment.begin() + static_cast<std::ptrdiff_t>(here));
    }
    return out;
  }

  Bytes file_;
  Bytes cells_;  ///< all bins
  std::string_view writer_;
  std::uint32_t minor_ = 0;
  std::vector<bool> used_;                        ///< by cell offset / 8
  std::map<std::uint32_t, std::uint32_t> known_;  ///< descriptors by cell
  std::vector<std::vector<std::byte>> descriptors_;
};

}  // namespace

Result<RegistryTree> read_hive(std::span<const std::byte> bytes, std::string_view writer) {
  return HiveReader{bytes, writer}.run();
}

}  // namespace flashline::imaging
