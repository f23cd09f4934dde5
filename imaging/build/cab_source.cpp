#include "imaging/build/cab_source.h"

#include <algorithm>
#include <spdlog/fmt/fmt.h>

#include "imaging/build/definition_name.h"
#include "imaging/build/stand_in.h"
#include "imaging/core/errors/build.h"
#include "imaging/core/errors/image.h"
#include "imaging/package/cab.h"
#include "imaging/package/definition.h"
#include "imaging/provisioning/ppkg.h"
#include "imaging/workspace/input_xml.h"
#include "imaging/workspace/windows_path.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;

/// What a definition lacks and somebody may still deliver; everything else is a mistake in it.
bool is_missing_payload(const Error& error) {
  return error.code == errc::input_missing || error.code == errc::ppkg_asset;
}

/// "Appx.Certs" of "Appx.Certs.wm.xml".
std::string stem_of(const fs::path& definition) { return definition.stem().stem().string(); }

Status link_file(const fs::path& to, const fs::path& at) {
  std::error_code code;
  fs::create_directories(at.parent_path(), code);
  fs::remove(at, code);
  fs::create_symlink(fs::absolute(to), at, code);
  if (!code) return {};
  return fail(errc::image_write, fmt::format("{}: {}", at.string(), code.message()));
}

/// All that a provisioning package is made of.
Result<Sha256> provisioning_key(const fs::path& answers, const BuildStamp& stamp) {
  FL_TRY(const XmlDocument document, read_input_xml(answers));
  FL_TRY(const AnswerFile read, read_answer_file(document));
  FL_TRY(const auto assets, find_assets(read, answers.parent_path()));
  KeyHash hash;
  hash.add(stamp.signer);
  hash.add(std::uint64_t{stamp.fixed_time});
  hash.add(stamp.fixed_time ? static_cast<std::uint64_t>(stamp.time) : 0);
  hash.add(document.source);
  for (const fs::path& asset : assets) {
    FL_TRY(const Sha256 digest, digest_of_file(asset));
    hash.add(asset.filename().string());
    hash.add(digest);
  }
  return hash.finish();
}

}  // namespace

Result<CabSource> CabSource::open(const Workspace& workspace, const Product& product,
                                  const BuildEnvironment& environment, CabSourceOptions options) {
  CabSource source{workspace.root, product, environment, std::move(options)};
  FL_TRY(auto common, find_definitions(workspace, environment.arch));
  // Another board's packages may have the same names.
  std::erase_if(common, [&](const DefinitionFile& one) {
    return one.room == DefinitionFile::Room::bsp && !same_word(one.owner, product.bsp);
  });
  FL_CHECK(source.list(common));
  FL_TRY(const auto own, find_product_definitions(workspace, environment.arch, product.name));
  FL_CHECK(source.list(own));
  return source;
}

Status CabSource::list(const std::vector<DefinitionFile>& definitions) {
  for (const DefinitionFile& definition : definitions) {
    FL_TRY(const DefinitionName name, definition_name(definition.path, environment_.macros));
    definitions_[folded(name.name)].push_back(definition);
    partitions_.emplace(folded(name.name), name.partition);
  }
  return {};
}

Status CabSource::provide(const std::string& cab, const std::string& where) {
  if (provided_.contains(folded(cab))) return {};
  std::string why = "no definition makes it, and nobody delivered it";
  FL_TRY(const bool built, build(cab, why));
  if (built) return {};
  FL_TRY(const bool linked, link(cab));
  if (linked) return {};
  return stand_in(cab, where, why);
}

Result<bool> CabSource::build(const std::string& cab, std::string& why) {
  const auto found = definitions_.find(folded(base_name(cab)));
  if (found == definitions_.end()) return false;
  std::vector<Package> packages;
  std::vector<std::string> makers;
  for (const DefinitionFile& definition : found->second) {
    auto read = this->read(definition);
    if (!read) {
      if (!is_missing_payload(read.error())) return std::unexpected{in_context(definition.path.string(), read.error())};
      why = read.error().detail;
      continue;
    }
    makers.push_back(definition.path.string());
    packages = *std::move(read);
  }
  if (makers.size() > 1) {
    return fail(errc::definition_twice, fmt::format("{} is made by {} and by {}", cab, makers[0], makers[1]));
  }
  for (const Package& package : packages) FL_CHECK(write(package));
  if (packages.empty() || provided_.contains(folded(cab))) return !packages.empty();
  why = fmt::format("{} makes no such part", makers.front());
  return false;
}

Result<std::vector<Package>> CabSource::read(const DefinitionFile& definition) {
  FL_CHECK(provision(definition));
  const DefinitionInputs inputs{.dollars = environment_.macros,
                                .version = environment_.version,
                                .cpu = environment_.cpu,
                                .build_type = environment_.build_type,
                                .payload_root = {},
                                .languages = options_.languages,
                                .resolutions = options_.resolutions};
  return read_definition(definition.path, inputs);
}

Status CabSource::provision(const DefinitionFile& definition) {
  fs::path answers = definition.answer_file;
  std::string name = stem_of(definition.path);
  // The product's own provisioning package is what Provisioning.Auto takes in.
  if (answers.empty() && definition.room == DefinitionFile::Room::every_product) {
    answers = find_input(product_.folder, R"(prov\customizations.xml)").value_or(fs::path{});
    name = product_.name + "Prov";
  }
  if (answers.empty()) return {};
  const fs::path out = environment_.provisioning / (name + ".ppkg");
  FL_TRY(const Sha256 key, provisioning_key(answers, options_.stamp));
  const fs::path catalog = fs::path{out}.replace_extension(".cat");
  if (is_up_to_date(out, key) && fs::exists(catalog)) return {};
  const std::time_t time = options_.stamp.time;
  const PpkgOptions options{.time = time, .catalog = ppkg_catalog(time, options_.signer)};
  FL_TRY([[maybe_unused]] const WrittenPpkg made, write_ppkg(answers, out, options));
  return remember_key(out, key);
}

Status CabSource::write(const Package& package) {
  const std::string cab = package.identity.name + ".cab";
  const fs::path out = options_.folder / cab;
  const Sha256 key = package_key(package, options_.stamp);
  provided_.insert(folded(cab));
  if (is_up_to_date(out, key)) {
    ++counts_.reused;
    return {};
  }
  if (options_.progress) options_.progress(cab);
  std::error_code code;
  fs::create_directories(options_.folder, code);
  fs::remove(out, code);
  FL_CHECK(write_cab(out, package, {.time = options_.stamp.time, .signer = options_.signer}));
  ++counts_.built;
  return remember_key(out, key);
}

Status CabSource::add(const Package& package) { return write(package); }

Result<bool> CabSource::link(const std::string& cab) {
  for (const char* place : {"%BSPPKG_DIR%", "%PKGBLD_DIR%", "%MSPKG_DIR%"}) {
    FL_TRY(const fs::path folder, environment_.path_of(place));
    const auto file = find_input(folder, cab);
    if (file) {
      FL_CHECK(link_file(*file, options_.folder / cab));
      provided_.insert(folded(cab));
      ++counts_.delivered;
      return true;
    }
    if (file.error().code != errc::input_missing) return std::unexpected{file.error()};
  }
  return false;
}

Status CabSource::stand_in(const std::string& cab, const std::string& where, const std::string& reason) {
  const std::string why = below_workspace(reason, root_);
  const auto partition = partitions_.find(folded(base_name(cab)));
  const Package package = stand_in_for(cab, partition != partitions_.end() ? partition->second : "MainOS",
                                       environment_.cpu, environment_.version, why);
  const CabCounts before = counts_;
  FL_CHECK(write(package));
  counts_ = before;  // nobody counts it among what was built
  missing_.push_back({cab, where, why});
  stand_ins_.insert(folded(cab));
  ++counts_.stand_ins;
  return {};
}

Status CabSource::remove_others() const {
  std::error_code code;
  std::vector<fs::path> others;
  for (const auto& entry : fs::directory_iterator{options_.folder, code}) {
    std::string name = entry.path().filename().string();
    if (name.ends_with(".key")) name.resize(name.size() - 4);
    if (folded(name).ends_with(".cab") && !provided_.contains(folded(name))) others.push_back(entry.path());
  }
  for (const fs::path& other : others) fs::remove(other, code);
  return {};
}

}  // namespace flashline::imaging
