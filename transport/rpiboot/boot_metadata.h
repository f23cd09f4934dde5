#pragma once
// Facts that a Pi's recovery image sends by asking for files whose names hold them: "*KEY*VALUE".

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace flashline::transport {

/// By key: "USER_SERIAL_NUM", "MAC_ADDR", "EEPROM_HASH" ... Shown characters only.
using BootMetadata = std::map<std::string, std::string>;

/// The pair that a name holds. FACTORY_UUID is decoded. nullopt: it holds none.
std::optional<std::pair<std::string, std::string>> read_metadata_name(std::string_view name);

/// Letters and digits out of words of hex joined by '_': each half word holds three digits to base 40. Ends at a word
/// of zero and after 36 characters. nullopt: a word is no hex number of 32 bits.
std::optional<std::string> decode_factory_uuid(std::string_view words);

}  // namespace flashline::transport
