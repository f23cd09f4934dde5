#include "imaging/package/service_keys.h"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/build.h"
#include "imaging/core/errors/package.h"
#include "imaging/package/located.h"
#include "imaging/package/registry_path.h"
#include "imaging/package/registry_value.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

constexpr std::size_t max_command = 256;  ///< characters of failureActions@command

struct WordRow {
  std::string_view word;
  std::uint32_t number;
};

constexpr std::array start_words{WordRow{"boot", 0},        WordRow{"system", 1}, WordRow{"auto", 2},
                                 WordRow{"delayedAuto", 2}, WordRow{"demand", 3}, WordRow{"disabled", 4}};
constexpr std::array type_words{
    WordRow{"kernelDriver", 0x1},         WordRow{"fileSystemDriver", 0x2},      WordRow{"kernel", 0x1},
    WordRow{"fileSystem", 0x2},           WordRow{"win32OwnProcess", 0x10},      WordRow{"win32ShareProcess", 0x20},
    WordRow{"win32UserOwnProcess", 0x50}, WordRow{"win32UserShareProcess", 0x60}};
constexpr std::array error_words{WordRow{"ignore", 0}, WordRow{"normal", 1}, WordRow{"severe", 2},
                                 WordRow{"critical", 3}};
constexpr std::array sid_words{WordRow{"none", 0}, WordRow{"unrestricted", 1}, WordRow{"restricted", 3}};
constexpr std::array install_words{WordRow{"none", 0}, WordRow{"synchronous", 1}, WordRow{"asynchronous", 2}};
constexpr std::array action_words{WordRow{"none", 0}, WordRow{"restartService", 1}, WordRow{"rebootMachine", 2},
                                  WordRow{"runCommand", 3}};
constexpr std::array position_words{WordRow{"first", 0}, WordRow{"any", 1}, WordRow{"last", 2}};

/// Reads the attributes of one element of a service.
class Attributes {
 public:
  Attributes(const XmlDocument& document, const XmlElement& element, const MacroScope& scope)
      : document_{document}, element_{element}, scope_{scope} {}

  Result<std::optional<std::string>> text(std::string_view name, bool may_have_env = false) const {
    const XmlAttribute* const found = find_attribute(element_, name);
    if (found == nullptr) return std::optional<std::string>{};
    auto expanded = may_have_env ? scope_.expandable(found->value) : scope_.text(found->value);
    FL_TRY(std::string value, located(document_, found->offset, std::move(expanded)));
    return std::optional{std::move(value)};
  }

  Result<std::optional<std::uint32_t>> word(std::string_view name, std::span<const WordRow> words) const {
    FL_TRY(const auto value, text(name));
    if (!value) return std::optional<std::uint32_t>{};
    const auto row = std::ranges::find_if(words, [&](const WordRow& known) { return same_word(known.word, *value); });
    if (row == words.end()) return bad(name, fmt::format("'{}' is no {}", *value, name));
    return std::optional{row->number};
  }

  Result<std::uint32_t> number(std::string_view name) const {
    FL_TRY(const std::string text, required_attribute(document_, element_, name));
    FL_TRY(const std::uint64_t value, parse_number(document_, offset_of(name), text));
    if (value > std::numeric_limits<std::uint32_t>::max()) return bad(name, fmt::format("'{}' is too large", text));
    return static_cast<std::uint32_t>(value);
  }

  std::unexpected<Error> bad(std::string_view name, std::string_view what) const {
    return document_.error(errc::xml_value, offset_of(name), what);
  }

  std::size_t offset_of(std::string_view name) const {
    const XmlAttribute* const found = find_attribute(element_, name);
    return found != nullptr ? found->offset : element_.offset;
  }

 private:
  const XmlDocument& document_;
  const XmlElement& element_;
  const MacroScope& scope_;
};

struct TextRow {
  std::string_view attribute;
  std::string_view value;
  RegistryType type;
};

/// Attributes whose text is a value. multi_sz: a list divided by `;` or `,`.
constexpr std::array texts{
    TextRow{"displayName", "DisplayName", RegistryType::sz},
    TextRow{"description", "Description", RegistryType::sz},
    TextRow{"objectName", "ObjectName", RegistryType::sz},
    TextRow{"imagePath", "ImagePath", RegistryType::expand_sz},
    TextRow{"group", "Group", RegistryType::sz},
    TextRow{"dependOnService", "DependOnService", RegistryType::multi_sz},
    TextRow{"dependOnGroup", "DependOnGroup", RegistryType::multi_sz},
    TextRow{"requiredPrivileges", "RequiredPrivileges", RegistryType::multi_sz},
    TextRow{"requiredCapabilities", "RequiredCapabilities", RegistryType::multi_sz},
};

Status add_texts(const Attributes& attributes, RegistryKey& key) {
  for (const TextRow& row : texts) {
    FL_TRY(const auto value, attributes.text(row.attribute, row.type == RegistryType::expand_sz));
    if (!value) continue;
    key.values.push_back(row.type == RegistryType::multi_sz ? list_value(row.value, list_parts(*value, ";,"))
                                                            : text_value(row.value, *value, row.type));
  }
  return {};
}

Status add_numbers(const XmlDocument& document, const XmlElement& service, const Attributes& attributes,
                   RegistryKey& key) {
  FL_TRY(const auto type, attributes.word("type", type_words));
  FL_TRY(const auto start, attributes.word("start", start_words));
  FL_TRY(const auto control, attributes.word("errorControl", error_words));
  if (!type) return document.error(errc::xml_missing, service.offset, "<service> needs attribute 'type'");
  if (!start) return document.error(errc::xml_missing, service.offset, "<service> needs attribute 'start'");
  key.values.push_back(dword_value("Type", *type));
  key.values.push_back(dword_value("Start", *start));
  key.values.push_back(dword_value("ErrorControl", control.value_or(1)));
  FL_TRY(const auto word, attributes.text("start"));
  if (word && same_word(*word, "delayedAuto")) key.values.push_back(dword_value("DelayedAutostart", 1));
  FL_TRY(const auto sid, attributes.word("sidType", sid_words));
  if (sid) key.values.push_back(dword_value("ServiceSidType", *sid));
  // What an installer does on a running system; in an image `start` alone says when the service starts.
  FL_CHECK(attributes.word("startAfterInstall", install_words));
  FL_TRY(const auto flag, attributes.text("failureActionsFlag"));
  if (!flag) return {};
  FL_TRY(const bool on, parse_bool(document, attributes.offset_of("failureActionsFlag"), *flag));
  key.values.push_back(dword_value("FailureActionsOnNonCrashFailures", on ? 1 : 0));
  return {};
}

Result<std::uint32_t> reset_period(const XmlDocument& document, const XmlElement& element,
                                   const Attributes& attributes) {
  FL_TRY(const std::string text, required_attribute(document, element, "resetPeriod"));
  if (same_word(trimmed(text), "INFINITE")) return std::numeric_limits<std::uint32_t>::max();
  return attributes.number("resetPeriod");
}

/// SERVICE_FAILURE_ACTIONS as the service controller stores it: five words, then type and delay of each action.
Status add_failure_actions(const XmlDocument& document, const XmlElement& element, const MacroScope& scope,
                           RegistryKey& key) {
  FL_CHECK(check_known(document, element, {"resetPeriod", "rebootMessage", "command"}, {"actions"}));
  const Attributes attributes{document, element, scope};
  FL_TRY(const std::uint32_t period, reset_period(document, element, attributes));
  std::vector<std::byte> steps;
  std::uint32_t count = 0;
  for (const XmlElement& actions : element.children) {
    FL_CHECK(check_known(document, actions, {}, {"action"}));
    for (const XmlElement& action : actions.children) {
      FL_CHECK(check_known(document, action, {"type", "delay"}, {}));
      FL_CHECK(required_attribute(document, action, "type"));
      FL_TRY(const auto type, Attributes(document, action, scope).word("type", action_words));
      FL_TRY(const auto delay, Attributes(document, action, scope).number("delay"));
      append_u32(steps, type.value_or(0));
      append_u32(steps, delay);
      ++count;
    }
  }
  std::vector<std::byte> data;
  for (const std::uint32_t word : {period, 0U, 0U, count, 0x14U}) append_u32(data, word);
  data.insert(data.end(), steps.begin(), steps.end());
  key.values.push_back(binary_value("FailureActions", std::move(data)));
  FL_TRY(const auto message, attributes.text("rebootMessage"));
  if (message) key.values.push_back(text_value("RebootMessage", *message));
  FL_TRY(const auto command, attributes.text("command"));
  if (command && command->size() > max_command) return attributes.bad("command", "more than 256 characters");
  if (command) key.values.push_back(text_value("FailureCommand", *command));
  return {};
}

Status refuse(const XmlDocument& document, const XmlElement& element, std::string_view name) {
  const XmlAttribute* const found = find_attribute(element, name);
  if (found == nullptr) return {};
  return document.error(errc::definition_unsupported, found->offset,
                        fmt::format("attribute '{}' of <{}>", found->name, element.name));
}

}  // namespace

Result<std::vector<RegistryKey>> service_keys(const XmlDocument& document, const XmlElement& service,
                                              const MacroScope& scope) {
  FL_CHECK(check_known(
      document, service,
      {"name", "start", "type", "displayName", "description", "objectName", "imagePath", "group", "dependOnService",
       "dependOnGroup", "errorControl", "requiredPrivileges", "requiredCapabilities", "sidType", "startAfterInstall",
       "failureActionsFlag", "securityDescriptor", "subCategory", "buildFilter"},
      {"failureActions", "serviceTrigger"}));
  FL_CHECK(refuse(document, service, "securityDescriptor"));
  FL_CHECK(refuse(document, service, "subCategory"));
  FL_CHECK(required_attribute(document, service, "name"));
  const Attributes attributes{document, service, scope};
  FL_TRY(const auto name, attributes.text("name"));
  if (name->contains('\\')) return attributes.bad("name", fmt::format("'{}' has a backslash", *name));
  FL_TRY(const std::string path,
         located(document, attributes.offset_of("name"), registry_path(fmt::format("{}\\{}", services_key, *name))));
  std::vector<RegistryKey> keys{{path, {}}};
  FL_CHECK(add_numbers(document, service, attributes, keys[0]));
  FL_CHECK(add_texts(attributes, keys[0]));
  bool has_actions = false;
  for (const XmlElement& child : service.children) {
    if (same_word(local_name(child.name), "serviceTrigger")) {
      FL_TRY(RegistryKey key, trigger_key(document, child, scope, path, keys.size() - 1));
      keys.push_back(std::move(key));
      continue;
    }
    if (std::exchange(has_actions, true)) {
      return document.error(errc::definition_repeated, child.offset, "a second <failureActions>");
    }
    FL_CHECK(add_failure_actions(document, child, scope, keys[0]));
  }
  return keys;
}

Result<std::vector<RegistryKey>> service_group_keys(const XmlDocument& document,
                                                    const std::vector<const XmlElement*>& groups,
                                                    const MacroScope& scope) {
  struct Member {
    std::uint32_t position;
    std::string service;
  };
  struct Group {
    std::string name;
    std::vector<Member> members;
  };
  std::map<std::string, Group> by_name;
  for (const XmlElement* element : groups) {
    FL_CHECK(check_known(document, *element, {"groupName", "serviceName", "position", "buildFilter"}, {}));
    FL_CHECK(required_attribute(document, *element, "groupName"));
    FL_CHECK(required_attribute(document, *element, "serviceName"));
    const Attributes attributes{document, *element, scope};
    FL_TRY(const auto group, attributes.text("groupName"));
    FL_TRY(const auto service, attributes.text("serviceName"));
    FL_TRY(const auto position, attributes.word("position", position_words));
    if (group->empty() || service->empty()) return attributes.bad("groupName", "a service group needs both names");
    Group& entry = by_name.try_emplace(folded(*group), Group{*group, {}}).first->second;
    entry.members.push_back({position.value_or(1), *service});
  }
  if (by_name.empty()) return std::vector<RegistryKey>{};
  RegistryKey key{R"(HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion\SvcHost)", {}};
  for (auto& [ignored, group] : by_name) {
    std::vector<std::string> services;
    for (const WordRow& position : position_words) {
      for (const Member& member : group.members) {
        if (member.position == position.number) services.push_back(member.service);
      }
    }
    RegistryValue value = list_value(group.name, services);
    value.append = true;
    key.values.push_back(std::move(value));
  }
  return std::vector<RegistryKey>{std::move(key)};
}

}  // namespace flashline::imaging
