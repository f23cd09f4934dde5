#pragma once
// <service> and <serviceGroup>: the registry keys that make a Windows service.

#include <vector>

#include "imaging/core/xml_document.h"
#include "imaging/package/macro_scope.h"
#include "imaging/package/package.h"

namespace flashline::imaging {

/// Where the keys of services lie in an image's SYSTEM hive.
inline constexpr const char* services_key = R"(HKEY_LOCAL_MACHINE\SYSTEM\ControlSet001\Services)";

/// The service's key and those of its triggers, by imaging.md 3.7. Errors: those of XML and macros with their place,
/// definition_unsupported (what no key can say), registry_key (its name).
Result<std::vector<RegistryKey>> service_keys(const XmlDocument& document, const XmlElement& service,
                                              const MacroScope& scope);

/// TriggerInfo\<index> below `service_key`, of a <serviceTrigger>. Errors: as above.
Result<RegistryKey> trigger_key(const XmlDocument& document, const XmlElement& trigger, const MacroScope& scope,
                                const std::string& service_key, std::size_t index);

/// The svchost groups of all <serviceGroup> elements, their members in the order that @position asks for. Each value
/// is appended to what other packages set.
Result<std::vector<RegistryKey>> service_group_keys(const XmlDocument& document,
                                                    const std::vector<const XmlElement*>& groups,
                                                    const MacroScope& scope);

}  // namespace flashline::imaging
