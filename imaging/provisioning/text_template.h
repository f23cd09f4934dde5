#pragma once
// Text with ${fields}. "$$" is a dollar sign; any other "$" is an error, since a forgotten brace would end up on every
// board of a batch.

#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/error.h"
#include "imaging/provisioning/unit_fields.h"

namespace flashline::imaging {

/// `text` with every ${name} replaced. `origin` begins each message, as origin:line:column of the text (both from 1,
/// columns in characters). Errors: template_syntax, template_field (no such field).
Result<std::string> render_template(std::string_view text, const UnitFields& fields, std::string_view origin);

/// The names that `text` asks for, each once, in order; so that a batch is refused before its first unit.
/// Errors: template_syntax.
Result<std::vector<std::string>> template_fields(std::string_view text, std::string_view origin);

}  // namespace flashline::imaging
