#include <algorithm>
#include <array>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <spdlog/fmt/fmt.h>
#include <sys/stat.h>
#include <wimlib.h>

#include "imaging/build/package_key.h"
#include "imaging/catalog/member_catalog.h"
#include "imaging/core/errors/build.h"
#include "imaging/core/xml_escape.h"
#include "imaging/provisioning/detail/wim_header.h"
#include "imaging/provisioning/ppkg.h"
#include "imaging/source/scratch_folder.h"
#include "imaging/trust/package_signer.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;

struct FreeWim {
  void operator()(WIMStruct* wim) const noexcept { wimlib_free(wim); }
};
using WimHandle = std::unique_ptr<WIMStruct, FreeWim>;

Status check(int code, const char* what) {
  if (code == 0) return {};
  return fail(errc::ppkg_write,
              fmt::format("{}: {}", what, wimlib_get_error_string(static_cast<wimlib_error_code>(code))));
}

/// Settings of one group, which become one file: "Policies/Update".
using Groups = std::map<std::string, std::vector<const ProvisioningSetting*>>;

Groups groups_of(const AnswerFile& answers) {
  Groups groups;
  for (const ProvisioningSetting& setting : answers.settings) {
    if (!setting.variant.empty()) continue;
    const std::size_t slash = setting.path.rfind('/');
    groups[slash == std::string::npos ? std::string{} : setting.path.substr(0, slash)].push_back(&setting);
  }
  return groups;
}

std::string provxml_of(const std::string& group, const std::vector<const ProvisioningSetting*>& settings) {
  std::string open;
  std::string close;
  std::size_t from = 0;
  while (from < group.size()) {
    const std::size_t slash = std::min(group.find('/', from), group.size());
    open += fmt::format("<characteristic type=\"{}\">\n", xml_escaped(group.substr(from, slash - from)));
    close += "</characteristic>\n";
    from = slash + 1;
  }
  std::string body;
  for (const ProvisioningSetting* setting : settings) {
    body += fmt::format("<parm name=\"{}\" value=\"{}\" datatype=\"string\"/>\n",
                        xml_escaped(setting->path.substr(group.empty() ? 0 : group.size() + 1)),
                        xml_escaped(setting->value));
  }
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<wap-provisioningdoc>\n{}{}{}</wap-provisioningdoc>\n", open, body,
      close);
}

std::string guid_text(std::string_view seed) {
  const std::string hex = to_hex(sha256(std::as_bytes(std::span{seed})));
  return fmt::format("{{{}-{}-{}-{}-{}}}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4), hex.substr(16, 4),
                     hex.substr(20, 12));
}

/// The tree of the image, as files below a scratch folder.
class PackageTree {
 public:
  explicit PackageTree(fs::path root) : root_{std::move(root)} {}

  Status fill(const AnswerFile& answers, const fs::path& answer_file, const std::vector<fs::path>& assets) {
    FL_CHECK(copy(answer_file, "Multivariant/0/customizations.xml"));
    FL_CHECK(
        write("Multivariant/Multivariant.xml",
              "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<Multivariant>\n<Variant Index=\"0\"/>\n</Multivariant>\n"));
    FL_CHECK(add_settings(answers));
    return add_assets(assets);
  }

  /// Stamps everything, deepest first, since a folder's stamp changes with what is put into it.
  Status stamp(std::time_t time) const {
    std::vector<fs::path> all{root_};
    for (const auto& entry : fs::recursive_directory_iterator{root_}) all.push_back(entry.path());
    const std::array<timespec, 2> both{timespec{.tv_sec = time, .tv_nsec = 0}, timespec{.tv_sec = time, .tv_nsec = 0}};
    for (auto path = all.rbegin(); path != all.rend(); ++path) {
      if (::utimensat(AT_FDCWD, path->c_str(), both.data(), 0) != 0) {
        return fail(errc::ppkg_write, fmt::format("{}: {}", path->string(), std::strerror(errno)));
      }
    }
    return {};
  }

 private:
  Status write(const std::string& path, std::string_view text) { return write_small_file(root_ / path, text); }

  Status copy(const fs::path& from, const std::string& to) {
    std::error_code code;
    fs::create_directories((root_ / to).parent_path(), code);
    fs::copy_file(from, root_ / to, code);
    fs::permissions(root_ / to, fs::perms::owner_read | fs::perms::owner_write, code);
    if (!code) return {};
    return fail(errc::ppkg_write, fmt::format("{}: {}", from.string(), code.message()));
  }

  Status add_settings(const AnswerFile& answers) {
    std::string list{"<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<RunTime>\n"};
    int number = 0;
    for (const auto& [group, settings] : groups_of(answers)) {
      std::string flat = group;
      std::ranges::replace(flat, '/', '_');
      // Paths of settings are user's text: only their beginning becomes part of a file's name.
      const std::string name = fmt::format("{}__{}.provxml", number++, flat.substr(0, 100));
      FL_CHECK(write("Multivariant/0/Prov/RunTime/" + name, provxml_of(group, settings)));
      list += fmt::format("<ConfigurationSet Type=\"provxml\" SettingsGroup=\"{}\" Data=\"$(_prov)\\RunTime\\{}\"/>\n",
                          guid_text(answers.id + group), xml_escaped(name));
    }
    return write("Multivariant/0/Prov/RunTime.xml", list + "</RunTime>\n");
  }

  Status add_assets(const std::vector<fs::path>& assets) {
    if (assets.empty()) return {};
    std::string list{"<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<DataAsset>\n"};
    int number = 0;
    for (const fs::path& asset : assets) {
      const std::string name = asset.filename().string();
      FL_TRY(const Sha256 digest, digest_of_file(asset));
      const std::string folder = fmt::format("{}/{}_{}", number, number, to_hex(digest).substr(0, 16));
      FL_CHECK(copy(asset, fmt::format("DataAsset/{}/{}", folder, name)));
      list += fmt::format("<File Index=\"{}\" Path=\"{}/{}\"/>\n", number++, folder, xml_escaped(name));
    }
    return write("DataAsset/DataAsset.xml", list + "</DataAsset>\n");
  }

  fs::path root_;
};

Status set_properties(WIMStruct* wim, const AnswerFile& answers, std::time_t time) {
  const WindowsTime stamp = windows_time(time);
  const std::array<std::pair<const char*, std::string>, 9> properties{
      {{"CREATIONTIME/HIGHPART", fmt::format("0x{:08X}", stamp.high)},
       {"CREATIONTIME/LOWPART", fmt::format("0x{:08X}", stamp.low)},
       {"PACKAGEID", answers.id},
       {"NAME", answers.name},
       {"VERSION", answers.version_text},
       {"OWNERTYPE", std::string{name_of(answers.owner)}},
       {"RANK", std::to_string(answers.rank)},
       {"RESETCLEAR", "0"},
       {"NOTES", answers.notes}}};
  for (const auto& [name, value] : properties) {
    FL_CHECK(check(wimlib_set_image_property(wim, 1, name, value.c_str()), name));
  }
  return {};
}

Status capture(const fs::path& tree, const AnswerFile& answers, std::time_t time, const fs::path& out) {
  WIMStruct* raw = nullptr;
  FL_CHECK(check(wimlib_create_new_wim(WIMLIB_COMPRESSION_TYPE_XPRESS, &raw), "new WIM"));
  const WimHandle wim{raw};
  FL_CHECK(check(wimlib_set_output_chunk_size(wim.get(), 32768), "chunk size"));
  FL_CHECK(check(wimlib_add_image(wim.get(), tree.c_str(), answers.name.c_str(), nullptr, WIMLIB_ADD_FLAG_NO_ACLS),
                 "add the tree"));
  FL_CHECK(set_properties(wim.get(), answers, time));
  return check(wimlib_write(wim.get(), out.c_str(), WIMLIB_ALL_IMAGES, 0, 0), "write");
}

}  // namespace

PpkgCatalog ppkg_catalog(std::time_t time, const PackageSigner* signer) {
  return [time, signer](const std::string& name, const Sha256& digest) -> Result<std::vector<std::byte>> {
    const std::vector<CatalogMember> members{{.name = name, .digest = digest}};
    FL_TRY(std::vector<std::byte> catalog, build_member_catalog(members, time));
    if (signer == nullptr) return catalog;
    return signer->sign_catalog(catalog);
  };
}

Result<WrittenPpkg> write_ppkg(const fs::path& answer_file, const fs::path& out, const PpkgOptions& options) {
  FL_TRY(const XmlDocument document, read_input_xml(answer_file));
  FL_TRY(const AnswerFile answers, read_answer_file(document));
  FL_TRY(const auto assets, find_assets(answers, fs::absolute(answer_file).parent_path()));
  const fs::path parent = fs::absolute(out).parent_path();
  std::error_code ignored;
  fs::create_directories(parent, ignored);
  FL_TRY(const ScratchFolder scratch, ScratchFolder::make(parent));
  const fs::path wim = scratch.path() / "out.ppkg";
  {
    PackageTree tree{scratch.path() / "tree"};
    FL_CHECK(tree.fill(answers, answer_file, assets));
    FL_CHECK(tree.stamp(options.time));
  }
  FL_CHECK(capture(scratch.path() / "tree", answers, options.time, wim));
  FL_CHECK(normalise_wim(wim, options.time));
  FL_TRY(const Sha256 digest, digest_of_file(wim));
  if (options.catalog) {
    FL_TRY(const auto catalog, options.catalog(out.filename().string(), digest));
    FL_CHECK(write_small_file(fs::path{out}.replace_extension(".cat"), catalog));
  }
  std::error_code code;
  fs::rename(wim, out, code);
  if (code) return fail(errc::ppkg_write, fmt::format("{}: {}", out.string(), code.message()));
  return WrittenPpkg{.package = out, .digest = digest};
}

}  // namespace flashline::imaging
