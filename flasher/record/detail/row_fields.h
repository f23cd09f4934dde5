#pragma once
// The one listing of each row's fields. JSON in and out and the exports are made from it.

#include "flasher/record/rows.h"

namespace flashline::line::detail {

template <class Visitor>
void visit_fields(BatchRow& row, Visitor&& visit) {
  visit("id", row.id);
  visit("name", row.name);
  visit("operator", row.operator_name);
  visit("station", row.station);
  visit("version", row.version);
  visit("mode", row.mode);
  visit("image", row.image);
  visit("image_format", row.image_format);
  visit("image_digest", row.image_digest);
  visit("image_signer", row.image_signer);
  visit("recipe", row.recipe);
  visit("recipe_digest", row.recipe_digest);
  visit("units_file", row.units_file);
  visit("units_digest", row.units_digest);
  visit("quantity", row.quantity);
  visit("state", row.state);
  visit("reason", row.reason);
  visit("created_at", row.created_at);
  visit("closed_at", row.closed_at);
}

template <class Visitor>
void visit_fields(UnitRow& row, Visitor&& visit) {
  visit("serial", row.serial);
  visit("batch", row.batch);
  visit("number", row.number);
  visit("macs", row.macs);
  visit("hostname", row.hostname);
  visit("fields", row.fields);
  visit("serial_pool", row.serial_pool);
  visit("serial_index", row.serial_index);
  visit("mac_pool", row.mac_pool);
  visit("mac_index", row.mac_index);
  visit("state", row.state);
  visit("slot", row.slot);
  visit("medium", row.medium);
  visit("reason", row.reason);
  visit("reserved_at", row.reserved_at);
  visit("ended_at", row.ended_at);
}

template <class Visitor>
void visit_fields(AttemptRow& row, Visitor&& visit) {
  visit("serial", row.serial);
  visit("number", row.number);
  visit("batch", row.batch);
  visit("slot", row.slot);
  visit("target", row.target);
  visit("medium", row.medium);
  visit("capacity", row.capacity);
  visit("station", row.station);
  visit("version", row.version);
  visit("operator", row.operator_name);
  visit("image", row.image);
  visit("image_digest", row.image_digest);
  visit("recipe_digest", row.recipe_digest);
  visit("overlay_digest", row.overlay_digest);
  visit("stale_policy", row.stale_policy);
  visit("verify", row.verify);
  visit("state", row.state);
  visit("phase", row.phase);
  visit("error_code", row.error_code);
  visit("error_text", row.error_text);
  visit("bytes_written", row.bytes_written);
  visit("bytes_verified", row.bytes_verified);
  visit("bytes_resumed", row.bytes_resumed);
  visit("read_back", row.read_back);
  visit("retried_lbas", row.retried_lbas);
  visit("bad_lbas", row.bad_lbas);
  visit("log", row.log);
  visit("started_at", row.started_at);
  visit("ended_at", row.ended_at);
}

template <class Visitor>
void visit_fields(StationNote& row, Visitor&& visit) {
  visit("station", row.station);
  visit("version", row.version);
  visit("mode", row.mode);
  visit("slot", row.slot);
  visit("operator", row.operator_name);
  visit("text", row.text);
}

}  // namespace flashline::line::detail
