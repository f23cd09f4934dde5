// Triggers of services: SERVICE_TRIGGER of winsvc.h as the service controller stores it in the registry.

#include <array>
#include <charconv>
#include <optional>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/build.h"
#include "imaging/package/located.h"
#include "imaging/package/registry_value.h"
#include "imaging/package/service_keys.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

struct TypeRow {
  std::string_view word;
  std::uint32_t number;
};

/// SERVICE_TRIGGER_TYPE_*; words as component manifests use them.
constexpr std::array types{
    TypeRow{"DeviceInterfaceArrival", 1},  TypeRow{"IpAddressAvailability", 2}, TypeRow{"DomainJoin", 3},
    TypeRow{"FirewallPortEvent", 4},       TypeRow{"GroupPolicy", 5},           TypeRow{"NetworkEndpoint", 6},
    TypeRow{"CustomSystemStateChange", 7}, TypeRow{"WnfStateEvent", 7},         TypeRow{"Custom", 20},
    TypeRow{"AggregateEvent", 30}};

/// SERVICE_TRIGGER_DATA_TYPE_*.
constexpr std::array data_types{TypeRow{"binary", 1}, TypeRow{"string", 2}, TypeRow{"level", 3},
                                TypeRow{"keywordAny", 4}, TypeRow{"keywordAll", 5}};

struct SubtypeRow {
  std::string_view word;
  std::string_view guid;
};

/// The GUIDs that winsvc.h names, without their "_GUID".
constexpr std::array subtypes{
    SubtypeRow{"NETWORK_MANAGER_FIRST_IP_ADDRESS_ARRIVAL", "4f27f2de-14e2-430b-a549-7cd48cbc8245"},
    SubtypeRow{"NETWORK_MANAGER_LAST_IP_ADDRESS_REMOVAL", "cc4ba62a-162e-4648-847a-b6bdf993e335"},
    SubtypeRow{"DOMAIN_JOIN", "1ce20aba-9851-4421-9430-1ddeb766e809"},
    SubtypeRow{"DOMAIN_LEAVE", "ddaf516e-58c2-4866-9574-c3b615d42ea1"},
    SubtypeRow{"FIREWALL_PORT_OPEN", "b7569e07-8421-4ee0-ad10-86915afdad09"},
    SubtypeRow{"FIREWALL_PORT_CLOSE", "a144ed38-8e12-4de4-9d96-e64740b1a524"},
    SubtypeRow{"MACHINE_POLICY_PRESENT", "659fcae6-5bdb-4da9-b1ff-ca2a178d46e0"},
    SubtypeRow{"USER_POLICY_PRESENT", "54fb46c8-f089-464c-b1fd-59d1b62c3b50"},
    SubtypeRow{"RPC_INTERFACE_EVENT", "bc90d167-9470-4139-a9ba-be0bbbf5b74d"},
    SubtypeRow{"NAMED_PIPE_EVENT", "1f81d131-3fac-4537-9e0c-7e7b0c2f4b55"},
    SubtypeRow{"CUSTOM_SYSTEM_STATE_CHANGE_EVENT", "2d7a2816-0c5e-45fc-9ce7-570e5ecde9c9"},
    SubtypeRow{"WNF_STATE_CHANGE", "2d7a2816-0c5e-45fc-9ce7-570e5ecde9c9"},
};

std::optional<std::uint64_t> hex(std::string_view digits) {
  std::uint64_t value = 0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (code != std::errc{} || end != digits.data() + digits.size() || digits.starts_with('-')) return std::nullopt;
  return value;
}

void append_bytes(std::vector<std::byte>& bytes, std::uint64_t value, unsigned count, bool big) {
  for (unsigned i = 0; i < count; ++i) {
    bytes.push_back(static_cast<std::byte>(value >> 8 * (big ? count - 1 - i : i) & 0xFFU));
  }
}

/// A GUID as memory holds it: the first three groups little-endian, the last two as they are written.
std::optional<std::vector<std::byte>> guid_bytes(std::string_view text) {
  if (text.starts_with('{') && text.ends_with('}')) text = text.substr(1, text.size() - 2);
  constexpr std::array<std::size_t, 5> lengths{8, 4, 4, 4, 12};
  std::vector<std::byte> bytes;
  std::size_t at = 0;
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    const std::string_view group = text.substr(std::min(at, text.size()), lengths[i]);
    const auto value = hex(group);
    if (!value || group.size() != lengths[i]) return std::nullopt;
    append_bytes(bytes, *value, static_cast<unsigned>(lengths[i] / 2), i > 2);
    at += lengths[i];
    if (i + 1 < lengths.size() && (at >= text.size() || text[at++] != '-')) return std::nullopt;
  }
  return at == text.size() ? std::optional{bytes} : std::nullopt;
}

std::optional<std::vector<std::byte>> subtype_bytes(std::string_view text) {
  for (const SubtypeRow& row : subtypes) {
    if (same_word(row.word, text) || same_word(fmt::format("{}_GUID", row.word), text)) return guid_bytes(row.guid);
  }
  return guid_bytes(text);
}

template <std::size_t N>
std::optional<std::uint32_t> number_of(const std::array<TypeRow, N>& rows, std::string_view word) {
  for (const TypeRow& row : rows) {
    if (same_word(row.word, word) || std::to_string(row.number) == word) return row.number;
  }
  return std::nullopt;
}

/// The bytes of a trigger's data: text as UTF-16 with its zero, bytes by their digits, numbers little-endian.
std::optional<std::vector<std::byte>> data_bytes(std::uint32_t type, std::string_view text) {
  if (type == 2) return text_value("", text).data;
  std::vector<std::byte> bytes;
  if (type == 1) {
    if (text.size() % 2 != 0) return std::nullopt;
    for (std::size_t at = 0; at < text.size(); at += 2) {
      const auto value = hex(text.substr(at, 2));
      if (!value) return std::nullopt;
      append_bytes(bytes, *value, 1, false);
    }
    return bytes;
  }
  if (text.starts_with("0x") || text.starts_with("0X")) text.remove_prefix(2);
  const auto value = hex(text);
  if (!value || (type == 3 && *value > 0xFF)) return std::nullopt;
  append_bytes(bytes, *value, type == 3 ? 1 : 8, false);
  return bytes;
}

class TriggerReader {
 public:
  TriggerReader(const XmlDocument& document, const MacroScope& scope) : document_{document}, scope_{scope} {}

  Result<std::string> text(const XmlElement& element, std::string_view name) const {
    FL_TRY(const std::string raw, required_attribute(document_, element, name));
    return located(document_, find_attribute(element, name)->offset, scope_.text(raw));
  }

  std::unexpected<Error> bad(const XmlElement& element, std::string_view name, std::string_view value) const {
    return document_.error(errc::xml_value, find_attribute(element, name)->offset,
                           fmt::format("'{}' is no {} of a <{}>", value, name, element.name));
  }

  Status add_data(const XmlElement& element, std::size_t index, RegistryKey& key) const {
    FL_CHECK(check_known(document_, element, {"type", "value"}, {}));
    FL_TRY(const std::string word, text(element, "type"));
    FL_TRY(const std::string value, text(element, "value"));
    const auto type = number_of(data_types, word);
    if (!type) return bad(element, "type", word);
    auto bytes = data_bytes(*type, value);
    if (!bytes) return bad(element, "value", value);
    key.values.push_back(dword_value(fmt::format("DataType{}", index), *type));
    key.values.push_back(binary_value(fmt::format("Data{}", index), *std::move(bytes)));
    return {};
  }

 private:
  const XmlDocument& document_;
  const MacroScope& scope_;
};

}  // namespace

Result<RegistryKey> trigger_key(const XmlDocument& document, const XmlElement& trigger, const MacroScope& scope,
                                const std::string& service_key, std::size_t index) {
  FL_CHECK(check_known(document, trigger, {"action", "type", "subtype"}, {"triggerData"}));
  const TriggerReader reader{document, scope};
  FL_TRY(const std::string action, reader.text(trigger, "action"));
  FL_TRY(const std::string type_word, reader.text(trigger, "type"));
  FL_TRY(const std::string subtype, reader.text(trigger, "subtype"));
  if (!same_word(action, "start") && !same_word(action, "stop")) return reader.bad(trigger, "action", action);
  const auto type = number_of(types, type_word);
  if (!type) return reader.bad(trigger, "type", type_word);
  auto guid = subtype_bytes(subtype);
  if (!guid) return reader.bad(trigger, "subtype", subtype);
  RegistryKey key{fmt::format("{}\\TriggerInfo\\{}", service_key, index), {}};
  key.values.push_back(dword_value("Type", *type));
  key.values.push_back(dword_value("Action", same_word(action, "start") ? 1 : 2));
  key.values.push_back(binary_value("GUID", *std::move(guid)));
  for (std::size_t i = 0; i < trigger.children.size(); ++i) FL_CHECK(reader.add_data(trigger.children[i], i, key));
  return key;
}

}  // namespace flashline::imaging
