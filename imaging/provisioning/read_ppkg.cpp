#include <algorithm>
#include <memory>
#include <spdlog/fmt/fmt.h>
#include <wimlib.h>

#include "imaging/core/errors/build.h"
#include "imaging/provisioning/detail/wim_header.h"
#include "imaging/provisioning/ppkg.h"
#include "imaging/source/scratch_folder.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;

constexpr const char* answer_path = "/Multivariant/0/customizations.xml";
/// Real packages have some dozen files.
constexpr std::size_t most_entries = 100'000;
constexpr std::uint64_t largest_answers = 16UL * 1024 * 1024;

struct FreeWim {
  void operator()(WIMStruct* wim) const noexcept { wimlib_free(wim); }
};
using WimHandle = std::unique_ptr<WIMStruct, FreeWim>;

std::unexpected<Error> unreadable(const fs::path& path, std::string_view what) {
  return fail(errc::ppkg_unreadable, fmt::format("{}: {}", path.string(), what));
}

Status check(int code, const fs::path& path) {
  if (code == 0) return {};
  return unreadable(path, wimlib_get_error_string(static_cast<wimlib_error_code>(code)));
}

int note_entry(const wimlib_dir_entry* entry, void* context) {
  auto& entries = *static_cast<std::vector<PpkgEntry>*>(context);
  if (entries.size() >= most_entries || entry->full_path == nullptr) return -1;
  std::uint64_t size = 0;
  for (unsigned i = 0; i <= entry->num_named_streams; ++i) size += entry->streams[i].resource.uncompressed_size;
  entries.push_back(
      {.path = entry->full_path, .folder = (entry->attributes & WIMLIB_FILE_ATTRIBUTE_DIRECTORY) != 0, .size = size});
  return 0;
}

Status read_properties(const fs::path& path, const WimHeader& header, PpkgFacts& facts) {
  FL_TRY(const auto bytes, read_wim_xml(path, header));
  const auto document = parse_input_xml(bytes, path.string() + ": properties");
  if (!document) return unreadable(path, document.error().detail);
  const XmlElement* image = find_child(document->root, "IMAGE");
  if (image == nullptr) return unreadable(path, "its properties describe no image");
  const auto take = [&](std::string_view name, std::string& value) { value = child_text(*image, name).value_or(""); };
  take("PACKAGEID", facts.id);
  take("NAME", facts.name);
  take("VERSION", facts.version);
  take("OWNERTYPE", facts.owner);
  take("RANK", facts.rank);
  take("NOTES", facts.notes);
  return {};
}

Result<AnswerFile> read_answers(WIMStruct* wim, const fs::path& path, const PpkgEntry& entry) {
  if (entry.folder || entry.size > largest_answers) return unreadable(path, "its answer file is none, or too large");
  FL_TRY(const ScratchFolder scratch, ScratchFolder::make(fs::temp_directory_path()));
  const wimlib_tchar* paths[] = {entry.path.c_str()};
  const int flags =
      WIMLIB_EXTRACT_FLAG_NO_ACLS | WIMLIB_EXTRACT_FLAG_NO_PRESERVE_DIR_STRUCTURE | WIMLIB_EXTRACT_FLAG_NO_ATTRIBUTES;
  FL_CHECK(check(wimlib_extract_paths(wim, 1, scratch.path().c_str(), paths, 1, flags), path));
  const fs::path file = scratch.path() / entry.path.substr(entry.path.rfind('/') + 1);
  std::error_code code;
  // A link in its place would lead anywhere.
  if (!fs::is_regular_file(fs::symlink_status(file, code))) return unreadable(path, "its answer file is no file");
  FL_TRY(XmlDocument document, read_input_xml(file));
  document.file = path.string() + ":" + answer_path;
  return read_answer_file(document);
}

}  // namespace

Result<PpkgFacts> read_ppkg(const fs::path& path) {
  FL_TRY(const WimHeader header, read_wim_header(path));
  PpkgFacts facts;
  FL_CHECK(read_properties(path, header, facts));
  WIMStruct* raw = nullptr;
  FL_CHECK(check(wimlib_open_wim(path.c_str(), 0, &raw), path));
  const WimHandle wim{raw};
  const int flags = WIMLIB_ITERATE_DIR_TREE_FLAG_RECURSIVE;
  FL_CHECK(check(wimlib_iterate_dir_tree(wim.get(), 1, "/", flags, note_entry, &facts.entries), path));
  std::ranges::sort(facts.entries, {}, &PpkgEntry::path);
  const auto entry =
      std::ranges::find_if(facts.entries, [](const PpkgEntry& one) { return same_word(one.path, answer_path); });
  if (entry == facts.entries.end()) return unreadable(path, "it has no answer file");
  FL_TRY(facts.answers, read_answers(wim.get(), path, *entry));
  return facts;
}

}  // namespace flashline::imaging
