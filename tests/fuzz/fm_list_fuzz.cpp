// FMFileList.xml: any bytes give a list whose ids are fit for file names and stand once, or an error that names a
// place.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <span>

#include "imaging/feature/fm_list.h"
#include "imaging/feature/release_rules.h"
#include "imaging/workspace/input_xml.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace flashline::imaging;
  const auto document = parse_input_xml(std::as_bytes(std::span{data, size}), "f.xml");
  if (!document) return 0;
  // The environment's settings are a list of words, too.
  if (const auto lists = read_release_lists(*document); !lists && !lists.error().detail.starts_with("f.xml:"))
    std::abort();
  const auto list = read_fm_list(*document);
  if (!list) {
    if (!list.error().detail.starts_with("f.xml:")) std::abort();
    return 0;
  }
  std::set<std::string> ids;
  for (const FmListEntry& entry : list->manifests) {
    if (!is_feature_id(entry.id) || !ids.insert(folded(entry.id)).second || entry.where.empty()) std::abort();
  }
  return 0;
}
