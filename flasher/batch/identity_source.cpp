#include "flasher/batch/identity_source.h"

#include <algorithm>
#include <map>
#include <spdlog/fmt/fmt.h>
#include <utility>

#include "imaging/core/errors/unit.h"
#include "imaging/provisioning/identity.h"
#include "imaging/provisioning/text_template.h"

namespace flashline::line {
namespace {

imaging::CheckDigit check_digit(config::CheckDigit kind) {
  switch (kind) {
    case config::CheckDigit::none:
      return imaging::CheckDigit::none;
    case config::CheckDigit::luhn:
      return imaging::CheckDigit::luhn;
    case config::CheckDigit::mod11:
      return imaging::CheckDigit::mod11;
  }
  return imaging::CheckDigit::none;
}

imaging::MacBlocks blocks_of(const config::MacPool& pool) { return {{pool.first}, {pool.last}, pool.count}; }

bool is_secret(std::string_view column) { return column.starts_with(secret_prefix); }

/// Fields that a unit's own columns hold already.
bool is_identity(std::string_view column) {
  return column == "serial" || column == "hostname" || column == "mac" || column.starts_with("mac.");
}

imaging::UnitFields plain_fields(const UnitRow& unit) {
  imaging::UnitFields fields{unit.fields.begin(), unit.fields.end()};
  fields["serial"] = unit.serial;
  if (!unit.hostname.empty()) fields["hostname"] = unit.hostname;
  fields["unit"] = std::to_string(unit.number);
  fields["batch"] = std::to_string(unit.batch);
  for (std::size_t i = 0; i < unit.macs.size(); ++i) fields[fmt::format("mac.{}", i)] = unit.macs[i];
  if (!unit.macs.empty()) fields["mac"] = unit.macs.front();
  return fields;
}

class RecipeSource final : public IdentitySource {
 public:
  RecipeSource(std::optional<config::Recipe> recipe, std::optional<imaging::UnitList> list)
      : recipe_{std::move(recipe)}, list_{std::move(list)} {
    if (!list_) return;
    for (std::size_t i = 0; i < list_->units.size(); ++i) rows_.emplace(list_->units[i].serial, i);
  }

  std::optional<std::uint64_t> size() const override {
    return list_ ? std::optional<std::uint64_t>{list_->units.size()} : std::nullopt;
  }

  imaging::UnitFields fields(const UnitRow& unit) const override {
    imaging::UnitFields fields = plain_fields(unit);
    if (const auto* listed = row_of(unit.serial)) {
      for (const auto& [name, value] : listed->fields) {
        if (is_secret(name)) fields[name] = value;
      }
    }
    return fields;
  }

  Status check(RecordReader& records) override {
    if (!list_) return {};
    for (const auto& listed : list_->units) {
      FL_TRY(const auto used, user_of(records, listed.serial, texts(listed.macs)));
      if (!used) continue;
      return fail(errc::identity_used, fmt::format("line {}: {} was given out as {} in batch {} ({})", listed.line,
                                                   listed.serial, used->serial, used->batch, name_of(used->state)));
    }
    return {};
  }

  Result<std::optional<UnitRow>> next(RecordReader& records, const BatchRow& batch) override {
    FL_TRY(auto unit, list_ ? next_listed(records) : next_counted(records, batch));
    if (!unit) return std::nullopt;
    FL_TRY(unit->number, records.next_number(batch.id));
    if (unit->macs.empty() && recipe_ && recipe_->macs) FL_CHECK(take_macs(records, *unit));
    if (unit->hostname.empty() && recipe_ && recipe_->hostname) FL_CHECK(name_host(*unit, batch));
    return unit;
  }

 private:
  static std::vector<std::string> texts(const std::vector<imaging::MacAddress>& macs) {
    std::vector<std::string> all;
    for (const auto mac : macs) all.push_back(imaging::to_text(mac));
    return all;
  }

  /// The unit that has this serial or one of these MACs.
  static Result<std::optional<UnitRow>> user_of(RecordReader& records, std::string_view serial,
                                                const std::vector<std::string>& macs) {
    FL_TRY(auto user, records.unit(serial));
    for (const auto& mac : macs) {
      if (user) break;
      FL_TRY(user, records.unit_with_mac(mac));
    }
    return user;
  }

  const imaging::ListedUnit* row_of(const std::string& serial) const {
    const auto found = rows_.find(serial);
    return found == rows_.end() ? nullptr : &list_->units[found->second];
  }

  Result<std::optional<UnitRow>> next_listed(RecordReader& records) {
    for (; at_ < list_->units.size(); ++at_) {
      const auto& listed = list_->units[at_];
      FL_TRY(const auto used, records.unit(listed.serial));
      if (used) continue;
      UnitRow unit;
      unit.serial = listed.serial;
      unit.hostname = listed.hostname;
      unit.macs = texts(listed.macs);
      for (const auto& [name, value] : listed.fields) {
        if (!is_secret(name) && !is_identity(name)) unit.fields.emplace(name, value);
      }
      return unit;
    }
    return std::nullopt;
  }

  Result<std::optional<UnitRow>> next_counted(RecordReader& records, const BatchRow& batch) {
    UnitRow unit;
    if (!recipe_ || !recipe_->serial) {
      unit.serial_pool = fmt::format("batch {}", batch.id);
      FL_TRY(unit.serial_index, records.next_serial_index(unit.serial_pool));
      unit.serial = fmt::format("B{:06}-{:04}", batch.id, unit.serial_index + 1);
      return unit;
    }
    const auto& rule = *recipe_->serial;
    const auto check = check_digit(rule.check);
    // The position in this pool is the counter itself, so that a recipe with another first number goes on in the same.
    unit.serial_pool = fmt::format("{} check {}", rule.pattern, static_cast<int>(rule.check));
    FL_TRY(const auto after_last, records.next_serial_index(unit.serial_pool));
    for (auto n = std::max(static_cast<std::uint64_t>(after_last), rule.first);; ++n) {
      FL_TRY(unit.serial, imaging::serial_of(rule.pattern, n, check));
      FL_TRY(const auto used, records.unit(unit.serial));
      if (used) continue;
      unit.serial_index = static_cast<std::int64_t>(n);
      return unit;
    }
  }

  Status take_macs(RecordReader& records, UnitRow& unit) {
    const auto pool = blocks_of(*recipe_->macs);
    unit.mac_pool = fmt::format("{} {} by {}", imaging::to_text(pool.first), imaging::to_text(pool.last), pool.count);
    FL_TRY(unit.mac_index, records.next_mac_index(unit.mac_pool));
    for (;; ++unit.mac_index) {  // other pools may overlap this one
      FL_TRY(const auto block, imaging::mac_block(pool, static_cast<std::uint64_t>(unit.mac_index)));
      unit.macs = texts(block);
      FL_TRY(const auto used, user_of(records, unit.serial, unit.macs));
      if (!used) return {};
    }
  }

  Status name_host(UnitRow& unit, const BatchRow& batch) {
    UnitRow named = unit;
    named.batch = batch.id;
    FL_TRY(unit.hostname, imaging::render_template(*recipe_->hostname, fields(named), "hostname"));
    return imaging::check_hostname(unit.hostname);
  }

  std::optional<config::Recipe> recipe_;
  std::optional<imaging::UnitList> list_;
  std::map<std::string, std::size_t> rows_;
  std::size_t at_ = 0;  ///< rows before it were given out
};

/// A unit as the source will make them, with every field that each of them has.
imaging::UnitFields sample_fields(const std::optional<config::Recipe>& recipe, const imaging::UnitList* list) {
  imaging::UnitFields fields{{"serial", ""}, {"unit", ""}, {"batch", ""}};
  if (list != nullptr) fields = list->units.front().fields;
  fields.insert({{"serial", ""}, {"unit", ""}, {"batch", ""}});
  if (!recipe) return fields;
  if (recipe->hostname) fields["hostname"] = "";
  if (recipe->macs && !fields.contains("mac.0")) {
    for (std::uint32_t i = 0; i < recipe->macs->count; ++i) fields[fmt::format("mac.{}", i)] = "";
    fields["mac"] = "";
  }
  return fields;
}

Status check_template(std::string_view text, std::string_view origin, const imaging::UnitFields& fields) {
  FL_TRY(const auto names, imaging::template_fields(text, origin));
  for (const auto& name : names) {
    if (!fields.contains(name)) return fail(errc::template_field, fmt::format("{}: ${{{}}}", origin, name));
  }
  return {};
}

Status check_templates(const config::Recipe& recipe, imaging::UnitFields fields) {
  for (const auto& file : recipe.overlay) {
    const std::string origin = file.template_file.empty() ? file.where : file.template_file.string();
    FL_CHECK(check_template(file.text, origin, fields));
  }
  fields.erase("hostname");
  if (recipe.hostname) FL_CHECK(check_template(*recipe.hostname, "hostname", fields));
  return {};
}

}  // namespace

Result<std::unique_ptr<IdentitySource>> make_identity_source(const std::optional<config::Recipe>& recipe,
                                                             std::optional<imaging::UnitList> list) {
  if (recipe) FL_CHECK(check_templates(*recipe, sample_fields(recipe, list ? &*list : nullptr)));
  if (recipe && recipe->serial && !list) {
    FL_CHECK(imaging::serial_of(recipe->serial->pattern, recipe->serial->first, check_digit(recipe->serial->check)));
  }
  return std::make_unique<RecipeSource>(recipe, std::move(list));
}

}  // namespace flashline::line
