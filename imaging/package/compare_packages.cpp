#include "imaging/package/compare_packages.h"

#include <map>
#include <span>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/unicode.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

using What = PackageChange::What;

/// A thing by the name that it is compared by: how it is spelled, and its content in words.
struct Thing {
  std::string spelling;
  std::string words;
};
using Things = std::map<std::pair<What, std::string>, Thing>;

std::string words_of(const PackageFile& file) {
  std::string words = fmt::format("{} bytes, {}", file.size, to_hex(file.digest));
  if (file.attributes != file_attribute::archive) words += fmt::format(", attributes {:#x}", file.attributes);
  return words;
}

std::string text_of(const std::vector<std::byte>& data) {
  std::u16string text;
  for (std::size_t i = 0; i + 1 < data.size(); i += 2) {
    text += static_cast<char16_t>(std::to_integer<unsigned>(data[i]) | (std::to_integer<unsigned>(data[i + 1]) << 8U));
  }
  while (text.ends_with(u'\0')) text.pop_back();
  for (char16_t& c : text) c = c == u'\0' ? u',' : c;
  return utf8_of(text);
}

std::string words_of(const RegistryValue& value) {
  const char* const append = value.append ? " appended" : "";
  switch (value.type) {
    case RegistryType::sz:
      return fmt::format("REG_SZ \"{}\"", text_of(value.data));
    case RegistryType::expand_sz:
      return fmt::format("REG_EXPAND_SZ \"{}\"", text_of(value.data));
    case RegistryType::multi_sz:
      return fmt::format("REG_MULTI_SZ \"{}\"{}", text_of(value.data), append);
    default:
      break;
  }
  std::string hex;
  for (const std::byte byte : value.data) hex += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
  return fmt::format("type {} {}", static_cast<std::uint32_t>(value.type), hex);
}

/// NAME of a feature identifier's "NAME VERSION DIGEST"; other lines as they are.
std::string member_name(const std::string& line) {
  const std::size_t last = line.rfind(' ');
  const bool listed = last != std::string::npos && line.size() - last == 65;
  return listed ? line.substr(0, line.find(' ')) : line;
}

class Inventory {
 public:
  explicit Inventory(const Package& package) {
    add_identity(package.identity);
    for (const PackageFile& file : package.files) add(What::file, file.device_path, words_of(file));
    // Their device paths are only names: there is one of each at most.
    if (package.raw_image) add(What::file, "(partition)", words_of(*package.raw_image));
    if (package.bcd) add(What::file, "(boot store)", words_of(*package.bcd));
    for (const PackageDirectory& folder : package.directories) {
      add(What::folder, folder.device_path, fmt::format("attributes {:#x}", folder.attributes));
    }
    for (const RegistryKey& key : package.registry) add_key(key);
    for (const std::string& member : package.members) add(What::member, member_name(member), "");
  }
  Things things;

 private:
  void add(What what, const std::string& where, std::string words) {
    things.insert_or_assign({what, folded(where)}, Thing{.spelling = where, .words = std::move(words)});
  }

  void add_identity(const PackageIdentity& identity) {
    add(What::identity, "owner", fmt::format("{} ({})", identity.owner, name_of(identity.owner_type)));
    add(What::identity, "component", fmt::format("{}.{}", identity.component, identity.sub_component));
    add(What::identity, "culture", identity.culture);
    add(What::identity, "resolution", identity.resolution);
    add(What::identity, "cpu", std::string{name_of(identity.cpu)});
    add(What::identity, "release type", std::string{name_of(identity.release_type)});
    add(What::identity, "partition", identity.partition);
  }

  void add_key(const RegistryKey& key) {
    add(What::registry_key, key.path, "");
    for (const RegistryValue& value : key.values) {
      add(What::registry_value, fmt::format(R"({}\{})", key.path, value.name.empty() ? "@" : value.name),
          words_of(value));
    }
  }
};

}  // namespace

std::string_view name_of(PackageChange::What what) {
  switch (what) {
    case What::identity:
      return "identity";
    case What::file:
      return "file";
    case What::folder:
      return "folder";
    case What::registry_key:
      return "registry key";
    case What::registry_value:
      return "registry value";
    case What::member:
      return "member";
  }
  return "";
}

std::vector<PackageChange> compare_packages(const Package& before, const Package& after) {
  const Inventory old{before};
  const Inventory now{after};
  std::map<std::pair<What, std::string>, PackageChange> changes;
  for (const auto& [key, thing] : old.things) {
    const auto found = now.things.find(key);
    if (found != now.things.end() && found->second.words == thing.words) continue;
    changes[key] = {.what = key.first, .where = thing.spelling, .before = thing.words, .after = {}};
  }
  for (const auto& [key, thing] : now.things) {
    const auto found = old.things.find(key);
    if (found != old.things.end() && found->second.words == thing.words) continue;
    PackageChange& change = changes[key];
    change.what = key.first;
    change.where = thing.spelling;
    change.after = thing.words;
  }
  std::vector<PackageChange> sorted;
  for (auto& [key, change] : changes) sorted.push_back(std::move(change));
  return sorted;
}

Sha256 content_digest(const Package& package) {
  Sha256Stream digest;
  const auto add = [&](std::string_view text) {
    // With its length, so that no two lists of texts look alike.
    const std::string length = fmt::format("{}:", text.size());
    digest.update(std::as_bytes(std::span{length}));
    digest.update(std::as_bytes(std::span{text}));
  };
  for (const auto& [key, thing] : Inventory{package}.things) {
    add(name_of(key.first));
    add(key.second);
    add(thing.words);
  }
  return digest.finish();
}

}  // namespace flashline::imaging
