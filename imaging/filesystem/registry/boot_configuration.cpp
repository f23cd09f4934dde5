#include "imaging/filesystem/registry/boot_configuration.h"

#include <array>
#include <charconv>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/build.h"
#include "imaging/core/errors/filesystem.h"
#include "imaging/core/nearest.h"
#include "imaging/filesystem/registry/boot_names.h"
#include "imaging/source/gpt.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

constexpr std::string_view boot_namespace = "http://schemas.microsoft.com/phone/2011/10/BootConfiguration";

class Parser {
 public:
  explicit Parser(const XmlDocument& document) : document_{document} {}

  Result<BootConfiguration> run() const {
    const XmlElement& root = document_.root;
    if (local_name(root.name) != "BootConfigurationDatabase" || root_namespace(document_) != boot_namespace) {
      return document_.error(errc::boot_root, root.offset,
                             fmt::format("<{}> of namespace '{}'", root.name, root_namespace(document_)));
    }
    // The last two only say how the original tool's text looks.
    FL_CHECK(check_known(document_, root, {"SaveKeyToRegistry", "IncludeDescriptions", "IncludeRegistryHeader"},
                         {"Objects"}));
    FL_TRY(const XmlElement* const objects, child(root, "Objects"));
    FL_CHECK(check_known(document_, *objects, {"SaveKeyToRegistry"}, {"Object"}));
    BootConfiguration out;
    for (const XmlElement& element : objects->children) {
      FL_TRY(BootObject one, object(element));
      out.objects.push_back(std::move(one));
    }
    return out;
  }

 private:
  std::unexpected<Error> error(Errc code, const XmlElement& at, std::string_view what) const {
    return document_.error(code, trimmed(at.text).empty() ? at.offset : at.text_offset, what);
  }
  std::unexpected<Error> unknown(const XmlElement& at, std::string_view kind, std::string_view name,
                                 const std::vector<std::string_view>& known) const {
    const auto meant = nearest(name, known);
    return error(
        errc::boot_name, at,
        fmt::format("no {} is called '{}'{}", kind, name, meant ? fmt::format("; did you mean '{}'?", *meant) : ""));
  }

  Result<const XmlElement*> child(const XmlElement& above, std::string_view name) const {
    if (const XmlElement* const found = find_child(above, name)) return found;
    return document_.error(errc::xml_missing, above.offset, fmt::format("<{}> needs <{}>", above.name, name));
  }
  /// The one child of `above`, which must be of these names.
  Result<const XmlElement*> choice(const XmlElement& above, std::initializer_list<std::string_view> names) const {
    FL_CHECK(check_known(document_, above, {}, names));
    if (above.children.size() == 1) return &above.children[0];
    return document_.error(errc::xml_missing, above.offset,
                           fmt::format("<{}> needs one of: {}", above.name, fmt::join(names, ", ")));
  }

  Result<Guid> guid(const XmlElement& at) const {
    if (const auto found = guid_of(trimmed(at.text))) return *found;
    return error(errc::boot_value, at, fmt::format("'{}' is no GUID", trimmed(at.text)));
  }
  /// Hexadecimal with or without 0x: the original tool reads these numbers so.
  Result<std::uint64_t> hex(const XmlElement& at, std::uint64_t most) const {
    std::string_view digits = trimmed(at.text);
    if (digits.starts_with("0x") || digits.starts_with("0X")) digits.remove_prefix(2);
    std::uint64_t value = 0;
    const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (code == std::errc{} && end == digits.data() + digits.size() && value <= most) return value;
    return error(errc::boot_value, at,
                 fmt::format("'{}' is no hexadecimal number up to {:#x}", trimmed(at.text), most));
  }
  Result<bool> boolean(const XmlElement& at) const { return parse_bool(document_, at.text_offset, at.text); }

  /// An object by its name, or by its GUID.
  Result<BootObjectId> object_id(const XmlElement& at) const {
    const std::string_view text = trimmed(at.text);
    if (const KnownBootObject* const known = find_boot_object(text)) return BootObjectId{std::string{known->id}};
    if (const auto id = guid_of(text)) return BootObjectId{fmt::format("{{{}}}", folded(to_text(*id)))};
    return unknown(at, "object", text, boot_object_names());
  }

  Result<BootObject> object(const XmlElement& element) const {
    FL_CHECK(check_known(document_, element, {"SaveKeyToRegistry"}, {"FriendlyName", "Id", "RawType", "Elements"}));
    BootObject out;
    out.where = document_.where(element.offset);
    if (const XmlAttribute* const save = find_attribute(element, "SaveKeyToRegistry")) {
      FL_TRY(out.sets_type, parse_bool(document_, save->offset, save->value));
    }
    const XmlElement* const id = find_child(element, "Id");
    FL_TRY(const XmlElement* const named,
           id != nullptr ? Result<const XmlElement*>{id} : child(element, "FriendlyName"));
    FL_TRY(out.id, object_id(*named));
    if (const KnownBootObject* const known = boot_object_of(out.id.text)) out.type = known->type;
    if (const XmlElement* const type = find_child(element, "RawType")) {
      FL_TRY(const std::uint64_t number, hex(*type, 0xFFFFFFFF));
      out.type = static_cast<std::uint32_t>(number);
    }
    if (const XmlElement* const elements = find_child(element, "Elements")) {
      FL_CHECK(check_known(document_, *elements, {}, {"Element"}));
      for (const XmlElement& one : elements->children) {
        FL_TRY(BootElement read, this->element(one));
        out.elements.push_back(std::move(read));
      }
    }
    return out;
  }

  Result<BootElement> element(const XmlElement& element) const {
    FL_CHECK(check_known(document_, element, {}, {"DataType", "ValueType"}));
    FL_TRY(const XmlElement* const type, child(element, "DataType"));
    FL_TRY(const XmlElement* const holder, child(element, "ValueType"));
    BootElement out;
    FL_TRY(out.setting, setting(*type));
    FL_TRY(const XmlElement* const value,
           choice(*holder, {"DeviceValue", "StringValue", "ObjectValue", "ObjectListValue", "IntegerValue",
                            "BooleanValue", "IntegerListValue"}));
    out.where = document_.where(value->offset);
    FL_TRY(out.value, this->value(*value, *boot_format(out.setting)));
    return out;
  }

  Result<std::uint32_t> setting(const XmlElement& type) const {
    FL_TRY(const XmlElement* const named, choice(type, {"WellKnownType", "RawType"}));
    if (same_word(local_name(named->name), "RawType")) {
      FL_TRY(const std::uint64_t number, hex(*named, 0xFFFFFFFF));
      const auto setting = static_cast<std::uint32_t>(number);
      if (boot_format(setting)) return setting;
      return error(errc::boot_name, *named, fmt::format("no setting has number {:#010x}", setting));
    }
    const std::string_view name = trimmed(named->text);
    if (const auto number = find_boot_setting(name)) return *number;
    return unknown(*named, "setting", name, boot_setting_names());
  }

  Result<BootValue> value(const XmlElement& value, BootFormat format) const {
    constexpr std::array<std::string_view, 7> elements{"DeviceValue",     "StringValue",  "ObjectValue",
                                                       "ObjectListValue", "IntegerValue", "BooleanValue",
                                                       "IntegerListValue"};
    const std::string_view expected = elements.at(static_cast<std::size_t>(format) - 1);
    if (!same_word(local_name(value.name), expected)) {
      return document_.error(errc::boot_value, value.offset,
                             fmt::format("this setting takes <{}>, not <{}>", expected, value.name));
    }
    switch (format) {
      case BootFormat::device:
        return device(value, true);
      case BootFormat::text:
        return BootValue{std::string{trimmed(value.text)}};
      case BootFormat::object:
        return object_id(value);
      case BootFormat::objects:
        return object_list(value);
      case BootFormat::integer:
        return hex(value, ~std::uint64_t{0});
      case BootFormat::boolean:
        return boolean(value);
      case BootFormat::integers:
        return integer_list(value);
    }
    return BootValue{};
  }

  template <class T>
  Result<BootValue> list(const XmlElement& value, Result<T> (Parser::*read)(const XmlElement&) const) const {
    FL_CHECK(check_known(document_, value, {}, {"StringValues"}));
    FL_TRY(const XmlElement* const strings, child(value, "StringValues"));
    FL_CHECK(check_known(document_, *strings, {}, {"StringValue"}));
    std::vector<T> out;
    for (const XmlElement& one : strings->children) {
      FL_TRY(T read_one, (this->*read)(one));
      out.push_back(std::move(read_one));
    }
    return BootValue{std::move(out)};
  }
  Result<BootValue> object_list(const XmlElement& value) const { return list(value, &Parser::object_id); }
  Result<BootValue> integer_list(const XmlElement& value) const { return list(value, &Parser::number); }
  Result<std::uint64_t> number(const XmlElement& at) const { return hex(at, ~std::uint64_t{0}); }

  Result<BootValue> device(const XmlElement& holder, bool ramdisk_too) const {
    FL_TRY(const XmlElement* const which, ramdisk_too ? choice(holder, {"GPTDevice", "MBRDevice", "RamdiskDevice"})
                                                      : choice(holder, {"GPTDevice", "MBRDevice"}));
    const std::string_view name = local_name(which->name);
    if (same_word(name, "RamdiskDevice")) return ramdisk(*which);
    return same_word(name, "GPTDevice") ? gpt(*which) : mbr(*which);
  }

  Result<BootValue> gpt(const XmlElement& element) const {
    FL_CHECK(check_known(document_, element, {}, {"DiskId", "Partition"}));
    BootDevice out;
    FL_TRY(const XmlElement* const disk, child(element, "DiskId"));
    FL_TRY(out.disk, guid(*disk));
    FL_TRY(const XmlElement* const partition, child(element, "Partition"));
    FL_TRY(const XmlElement* const which, choice(*partition, {"Name", "Id"}));
    if (same_word(local_name(which->name), "Id")) {
      FL_TRY(out.partition_id, guid(*which));
      return BootValue{std::move(out)};
    }
    FL_TRY(out.partition, partition_name(*which));
    return BootValue{std::move(out)};
  }

  Result<BootValue> mbr(const XmlElement& element) const {
    FL_CHECK(check_known(document_, element, {}, {"DiskSignature", "PartitionName"}));
    BootDevice out;
    out.style = TableStyle::mbr;
    FL_TRY(const XmlElement* const disk, child(element, "DiskSignature"));
    FL_TRY(const std::uint64_t signature, hex(*disk, 0xFFFFFFFF));
    out.disk_signature = static_cast<std::uint32_t>(signature);
    FL_TRY(const XmlElement* const partition, child(element, "PartitionName"));
    FL_TRY(out.partition, partition_name(*partition));
    return BootValue{std::move(out)};
  }

  Result<std::string> partition_name(const XmlElement& at) const {
    const std::string_view name = trimmed(at.text);
    if (name.empty()) return error(errc::boot_value, at, "a partition without a name");
    return std::string{name};
  }

  Result<BootValue> ramdisk(const XmlElement& element) const {
    FL_CHECK(check_known(document_, element, {}, {"ParentDevice", "FilePath", "RamdiskOptions"}));
    FL_TRY(const XmlElement* const parent, child(element, "ParentDevice"));
    FL_TRY(BootValue value, device(*parent, false));
    auto& out = std::get<BootDevice>(value);
    FL_TRY(const XmlElement* const file, child(element, "FilePath"));
    out.ramdisk_file = trimmed(file->text);
    if (!out.ramdisk_file.starts_with('\\')) {
      return error(errc::boot_value, *file,
                   fmt::format("'{}' is no path that begins with a backslash", out.ramdisk_file));
    }
    if (const XmlElement* const options = find_child(element, "RamdiskOptions")) {
      FL_TRY(out.ramdisk_options, boolean(*options));
    }
    return value;
  }

  const XmlDocument& document_;
};

}  // namespace

Result<BootConfiguration> parse_boot_configuration(const XmlDocument& document) { return Parser{document}.run(); }

}  // namespace flashline::imaging
