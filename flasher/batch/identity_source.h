#pragma once
// Where the identities of a batch come from: a unit list, a recipe's counters, or the batch's own number.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "flasher/record/record_reader.h"
#include "flasher/record/rows.h"
#include "imaging/core/error.h"
#include "imaging/provisioning/unit_fields.h"
#include "imaging/provisioning/unit_list.h"
#include "station-config/recipe.h"

namespace flashline::line {

/// Columns of a unit list whose name begins with this go onto the board but into no record, log or answer.
inline constexpr std::string_view secret_prefix = "secret.";

/// Answers on the store's thread, between two transactions: what it looks up stays true until the identity is reserved.
class IdentitySource {
 public:
  virtual ~IdentitySource() = default;

  /// The next identity that no unit of any batch ever had (serial, MACs, hostname, fields, pools); nothing else of the
  /// row is set. nullopt: there is none left. Errors: mac_pool_exhausted, bad_serial, those of the records.
  virtual Result<std::optional<UnitRow>> next(RecordReader& records, const BatchRow& batch) = 0;

  /// Refuses a batch before it begins. Errors: identity_used.
  virtual Status check(RecordReader& records) = 0;

  /// How many units the source has in all; none: as many as one likes.
  virtual std::optional<std::uint64_t> size() const = 0;

  /// Everything that templates may ask for about a unit, secrets included.
  virtual imaging::UnitFields fields(const UnitRow& unit) const = 0;
};

/// The source of a batch. Serials come from the list, else from the recipe's counter, else they are the batch's:
/// "B000012-0001". MACs come from the list where it has such columns, else from the recipe's pool.
/// Each template of the recipe is checked against the fields that every unit will have.
/// Errors: template_syntax, template_field, serial_pattern, bad_serial.
Result<std::unique_ptr<IdentitySource>> make_identity_source(const std::optional<config::Recipe>& recipe,
                                                             std::optional<imaging::UnitList> list);

}  // namespace flashline::line
