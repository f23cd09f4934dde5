#pragma once
// Which package a definition makes, told without its payload.

#include <filesystem>
#include <string>

#include "imaging/core/error.h"
#include "imaging/workspace/variables.h"

namespace flashline::imaging {

struct DefinitionName {
  std::string name;       ///< of the cab without ".cab"; language and resolution parts add to it
  std::string partition;  ///< that it targets
};

/// Reads names only: a definition whose payload is missing has one, too. wm.xml and pkg.xml.
/// Errors: those of read_input_xml and Variables::expand; xml_missing.
Result<DefinitionName> definition_name(const std::filesystem::path& definition, const Variables& macros);

/// `cab` without ".cab" and without "_Lang_.." or "_Res_..".
std::string base_name(std::string_view cab);

}  // namespace flashline::imaging
