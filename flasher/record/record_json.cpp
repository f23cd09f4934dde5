#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <type_traits>
#include <utility>

#include "flasher/record/detail/row_fields.h"
#include "flasher/record/record.h"
#include "imaging/core/errors/record.h"

namespace flashline::line {
namespace {

namespace json = boost::json;
using namespace std::string_view_literals;

constexpr std::array kind_names{"station_started"sv, "station_stopped"sv, "operator_action"sv, "batch_created"sv,
                                "batch_paused"sv,    "batch_resumed"sv,   "batch_closed"sv,    "batch_done"sv,
                                "unit_reserved"sv,   "unit_committed"sv,  "unit_voided"sv,     "attempt_started"sv,
                                "attempt_ended"sv};
constexpr std::array row_names{"station"sv, "batch"sv, "unit"sv, "attempt"sv};  // in the order of RecordRow

/// Length of the UTF-8 sequence that `text` begins with; 0: it is none. Overlong forms and surrogates are none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto tail = [&](std::size_t i) { return i < text.size() && (byte(i) & 0xC0) == 0x80; };
  if (byte(0) < 0x80) return 1;
  if (byte(0) >= 0xC2 && byte(0) <= 0xDF) return tail(1) ? 2 : 0;
  if (byte(0) >= 0xE0 && byte(0) <= 0xEF) {
    if (!tail(1) || !tail(2)) return 0;
    if ((byte(0) == 0xE0 && byte(1) < 0xA0) || (byte(0) == 0xED && byte(1) > 0x9F)) return 0;
    return 3;
  }
  if (byte(0) >= 0xF0 && byte(0) <= 0xF4) {
    if (!tail(1) || !tail(2) || !tail(3)) return 0;
    if ((byte(0) == 0xF0 && byte(1) < 0x90) || (byte(0) == 0xF4 && byte(1) > 0x8F)) return 0;
    return 4;
  }
  return 0;
}

// Device names and system messages may hold any byte; a record must stay readable.
std::string clean_text(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) {
      clean += '?';
    } else {
      clean += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return clean;
}

void write_canonical(const json::value& value, std::string& out);

void write_object(const json::object& object, std::string& out) {
  std::vector<const json::key_value_pair*> members;
  for (const auto& member : object) members.push_back(&member);
  std::ranges::sort(members, {}, [](const auto* member) { return std::string_view{member->key()}; });
  out += '{';
  for (const char* separator = ""; const auto* member : members) {
    out += std::exchange(separator, ",");
    out += json::serialize(member->key());
    out += ':';
    write_canonical(member->value(), out);
  }
  out += '}';
}

void write_canonical(const json::value& value, std::string& out) {
  if (const auto* object = value.if_object()) return write_object(*object, out);
  const auto* array = value.if_array();
  if (array == nullptr) {
    out += json::serialize(value);
    return;
  }
  out += '[';
  for (const char* separator = ""; const auto& item : *array) {
    out += std::exchange(separator, ",");
    write_canonical(item, out);
  }
  out += ']';
}

std::string canonical(const json::value& value) {
  std::string out;
  write_canonical(value, out);
  return out;
}

/// Puts each visited field into an object.
struct Writer {
  json::object& object;

  void operator()(std::string_view key, std::int64_t value) { object[key] = value; }
  void operator()(std::string_view key, std::uint64_t value) { object[key] = value; }
  void operator()(std::string_view key, bool value) { object[key] = value; }
  void operator()(std::string_view key, const std::string& value) { object[key] = clean_text(value); }
  void operator()(std::string_view key, const std::optional<std::uint64_t>& value) {
    object[key] = value ? json::value(*value) : json::value(nullptr);
  }
  void operator()(std::string_view key, const std::vector<std::string>& values) {
    json::array& array = object[key].emplace_array();
    for (const auto& value : values) array.emplace_back(clean_text(value));
  }
  void operator()(std::string_view key, const std::vector<std::uint64_t>& values) {
    json::array& array = object[key].emplace_array();
    for (const auto value : values) array.emplace_back(value);
  }
  void operator()(std::string_view key, const std::map<std::string, std::string>& values) {
    json::object& inner = object[key].emplace_object();
    for (const auto& [name, value] : values) inner[clean_text(name)] = clean_text(value);
  }
  template <class State>
    requires std::is_enum_v<State>
  void operator()(std::string_view key, State value) {
    object[key] = name_of(value);
  }
};

/// Takes each visited field out of an object; `bad` is the first one that is not there as it must be.
struct Reader {
  const json::object& object;
  std::size_t taken = 0;
  std::string bad{};

  const json::value* find(std::string_view key) {
    const json::value* value = object.if_contains(key);
    if (value == nullptr) reject(key);
    ++taken;
    return value;
  }
  void reject(std::string_view key) {
    if (bad.empty()) bad = key;
  }

  template <class Number>
    requires std::is_integral_v<Number>
  void number(std::string_view key, const json::value& from, Number& to) {
    json::error_code error;
    to = from.to_number<Number>(error);
    if (error || from.is_double()) reject(key);
  }
  void text(std::string_view key, const json::value& from, std::string& to) {
    if (const auto* string = from.if_string()) {
      to.assign(string->data(), string->size());
    } else {
      reject(key);
    }
  }
  template <class Item, class Take>
  void list(std::string_view key, std::vector<Item>& to, Take take) {
    const auto* value = find(key);
    const auto* array = value == nullptr ? nullptr : value->if_array();
    if (array == nullptr) return reject(key);
    for (const auto& item : *array) take(item, to.emplace_back());
  }

  void operator()(std::string_view key, std::int64_t& to) {
    if (const auto* value = find(key)) number(key, *value, to);
  }
  void operator()(std::string_view key, std::uint64_t& to) {
    if (const auto* value = find(key)) number(key, *value, to);
  }
  void operator()(std::string_view key, bool& to) {
    const auto* value = find(key);
    if (value == nullptr || !value->is_bool()) return reject(key);
    to = value->get_bool();
  }
  void operator()(std::string_view key, std::string& to) {
    if (const auto* value = find(key)) text(key, *value, to);
  }
  void operator()(std::string_view key, std::optional<std::uint64_t>& to) {
    const auto* value = find(key);
    if (value != nullptr && !value->is_null()) number(key, *value, to.emplace());
  }
  void operator()(std::string_view key, std::vector<std::string>& to) {
    list(key, to, [&](const json::value& from, std::string& item) { text(key, from, item); });
  }
  void operator()(std::string_view key, std::vector<std::uint64_t>& to) {
    list(key, to, [&](const json::value& from, std::uint64_t& item) { number(key, from, item); });
  }
  void operator()(std::string_view key, std::map<std::string, std::string>& to) {
    const auto* value = find(key);
    const auto* inner = value == nullptr ? nullptr : value->if_object();
    if (inner == nullptr) return reject(key);
    for (const auto& member : *inner) text(key, member.value(), to[std::string{member.key()}]);
  }
  template <class State>
    requires std::is_enum_v<State>
  void operator()(std::string_view key, State& to) {
    std::string name;
    (*this)(key, name);
    if (!find_state(name, to)) reject(key);
  }
};

template <class Row>
json::object object_of(const Row& row) {
  json::object object;
  Row copy = row;
  detail::visit_fields(copy, Writer{object});
  return object;
}

template <class Row>
Result<Row> row_of(const json::object& object) {
  Row row;
  Reader reader{object};
  detail::visit_fields(row, reader);
  if (!reader.bad.empty()) return fail(errc::record_malformed, "member \"" + reader.bad + "\"");
  if (reader.taken != object.size()) return fail(errc::record_malformed, "a member that does not belong there");
  return row;
}

Result<json::object> object_in(std::string_view text) {
  json::error_code error;
  const json::value value = json::parse(text, error);
  if (error || !value.is_object()) return fail(errc::record_malformed, "no JSON object");
  if (canonical(value) != text) return fail(errc::record_malformed, "not in canonical form");
  return value.get_object();
}

template <class Row>
Result<Row> parse_row(std::string_view text) {
  FL_TRY(const json::object object, object_in(text));
  return row_of<Row>(object);
}

template <std::size_t I = 0>
Result<RecordRow> row_in(std::string_view name, const json::object& object) {
  if constexpr (I == std::variant_size_v<RecordRow>) {
    return fail(errc::record_malformed, "unknown row \"" + std::string{name} + "\"");
  } else {
    if (row_names[I] != name) return row_in<I + 1>(name, object);
    FL_TRY(auto row, row_of<std::variant_alternative_t<I, RecordRow>>(object));
    return RecordRow{std::move(row)};
  }
}

Result<RecordKind> kind_in(const json::object& object) {
  const auto* name = object.at("kind").if_string();
  const auto found = name == nullptr ? kind_names.end() : std::ranges::find(kind_names, std::string_view{*name});
  if (found == kind_names.end()) return fail(errc::record_malformed, "member \"kind\"");
  return static_cast<RecordKind>(found - kind_names.begin());
}

}  // namespace

std::string_view name_of(RecordKind kind) { return kind_names[static_cast<std::size_t>(kind)]; }

std::string to_json(const BatchRow& row) { return canonical(object_of(row)); }
std::string to_json(const UnitRow& row) { return canonical(object_of(row)); }
std::string to_json(const AttemptRow& row) { return canonical(object_of(row)); }

std::string to_json(const Record& record) {
  json::object object{{"seq", record.seq}, {"at", record.at}, {"kind", name_of(record.kind)}};
  object["of"] = row_names[record.row.index()];
  object["row"] = std::visit([](const auto& row) { return object_of(row); }, record.row);
  return canonical(object);
}

Result<BatchRow> parse_batch(std::string_view text) { return parse_row<BatchRow>(text); }
Result<UnitRow> parse_unit(std::string_view text) { return parse_row<UnitRow>(text); }
Result<AttemptRow> parse_attempt(std::string_view text) { return parse_row<AttemptRow>(text); }

Result<Record> parse_record(std::string_view text) {
  FL_TRY(const json::object object, object_in(text));
  for (const auto key : {"seq", "at", "kind", "of", "row"}) {
    if (!object.contains(key)) return fail(errc::record_malformed, "member \"" + std::string{key} + "\"");
  }
  const auto* of = object.at("of").if_string();
  const auto* row = object.at("row").if_object();
  if (object.size() != 5 || of == nullptr || row == nullptr) return fail(errc::record_malformed, "member \"row\"");
  Record record;
  Reader reader{object};
  reader("seq", record.seq);
  reader("at", record.at);
  if (!reader.bad.empty()) return fail(errc::record_malformed, "member \"" + reader.bad + "\"");
  FL_TRY(record.kind, kind_in(object));
  FL_TRY(record.row, row_in(std::string_view{*of}, *row));
  return record;
}

}  // namespace flashline::line
