#include "tests/lab/scenario/outcome.h"

#include <algorithm>
#include <boost/json.hpp>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/xml_escape.h"

namespace flashline::lab {
namespace {

namespace json = boost::json;

constexpr auto style =
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;color:#1b1f24}"
    "table{border-collapse:collapse;width:100%;margin:1rem 0}th,td{text-align:left;padding:.35rem .7rem;"
    "border-bottom:1px solid #d5dae1;vertical-align:top}th{background:#f3f5f8}"
    ".yes{color:#116329;font-weight:600}.no{color:#a40e26;font-weight:600}";

std::string cell(const std::string& text) { return fmt::format("<td>{}</td>", xml_escaped(text)); }

std::string row(const CardOutcome& card) {
  return fmt::format("<tr>{}{}{}{}{}<td>{:.1f}</td><td class=\"{}\">{}</td></tr>\n", cell(card.slot), cell(card.serial),
                     cell(card.expected), cell(card.detail.empty() ? card.actual : card.actual + ": " + card.detail),
                     cell(card.compared), card.seconds, card.as_expected ? "yes" : "no",
                     card.as_expected ? "as expected" : "NOT as expected");
}

}  // namespace

bool ScenarioOutcome::as_expected() const {
  return trouble.empty() && !cards.empty() && std::ranges::all_of(cards, &CardOutcome::as_expected);
}

std::string outcome_json(const ScenarioOutcome& outcome) {
  json::array cards;
  for (const CardOutcome& card : outcome.cards) {
    cards.push_back({{"slot", card.slot},
                     {"serial", card.serial},
                     {"expected", card.expected},
                     {"actual", card.actual},
                     {"detail", card.detail},
                     {"compared", card.compared},
                     {"seconds", card.seconds},
                     {"as_expected", card.as_expected}});
  }
  json::array events;
  for (const ScenarioEvent& event : outcome.events) events.push_back({{"at", event.at}, {"what", event.what}});
  return json::serialize(
      json::object{{"scenario", outcome.name},
                   {"as_expected", outcome.as_expected()},
                   {"seconds", outcome.seconds},
                   {"trouble", outcome.trouble.empty() ? json::value{} : json::value(outcome.trouble)},
                   {"slots", std::move(cards)},
                   {"events", std::move(events)}});
}

std::string outcome_html(const ScenarioOutcome& outcome) {
  std::string rows;
  for (const CardOutcome& card : outcome.cards) rows += row(card);
  std::string events;
  for (const ScenarioEvent& event : outcome.events) {
    events += fmt::format("<tr><td>{:.2f}</td>{}</tr>\n", event.at, cell(event.what));
  }
  const bool good = outcome.as_expected();
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta "
      "charset=\"utf-8\"><title>{0}</title><style>{1}</style></head><body>\n"
      "<h1>{0}</h1>\n<p class=\"{2}\">{3}</p>\n<p>{4:.1f} s on the virtual line.</p>{5}\n"
      "<table><tr><th>slot</th><th>unit</th><th>expected</th><th>actual</th><th>compared with the image</th><th>s</th>"
      "<th></th></tr>\n{6}</table>\n<h2>What happened when</h2>\n<table><tr><th>s</th><th></th></tr>\n{7}</table>\n"
      "</body></html>\n",
      xml_escaped(outcome.name), style, good ? "yes" : "no", good ? "All as expected" : "Not as expected",
      outcome.seconds, outcome.trouble.empty() ? "" : "<p class=\"no\">" + xml_escaped(outcome.trouble) + "</p>", rows,
      events);
}

}  // namespace flashline::lab
