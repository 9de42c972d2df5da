#include "worker/spool/spool.h"

#include <algorithm>
#include <fstream>

#include "base/io/atomic_file.h"
#include "base/json_reader.h"
#include "base/text.h"

namespace isocost::agent {
namespace {

constexpr int kSpoolFormat = 1;  // raised when the form of these files changes
constexpr const char* kNoteName = "computing";

Json to_json(const Outcome& outcome) {
  Json json = {{"format", kSpoolFormat},
               {"database", outcome.database},
               {"unit", outcome.unit},
               {"epoch", outcome.attempt.epoch},
               {"counter", outcome.attempt.counter}};
  if (const auto* result = std::get_if<UnitResult>(&outcome.what)) {
    json["result"] = isocost::to_json(*result);
  } else {
    const auto& failure = std::get<UnitFailure>(outcome.what);
    Json log = Json::array();
    for (const std::string& line : failure.log_tail)
      log.push_back(clean_text(line, wire::kTextBytesMax));
    Json missing = Json::array();
    for (const Digest& digest : failure.missing) missing.push_back(digest.name());
    json["failure"] = {{"class", static_cast<int>(failure.failure_class)},
                       {"reason", clean_text(failure.reason, wire::kTextBytesMax)},
                       {"log_tail", log},
                       {"missing", missing}};
  }
  return json;
}

Result<UnitFailure> failure_from_json(const Json& json, const std::string& where) {
  JsonReader reader(json, where);
  const int number = reader.get<int>("class");
  if (number < 1 || number > static_cast<int>(FailureClass::kInputOutput))
    reader.fault("class", "this names no class of failure");
  UnitFailure failure{static_cast<FailureClass>(number), reader.get<std::string>("reason"),
                      reader.get<std::vector<std::string>>("log_tail")};
  for (const std::string& name : reader.get_or<std::vector<std::string>>("missing", {})) {
    if (const auto digest = Digest::parse(name))
      failure.missing.push_back(*digest);
    else
      reader.fault("missing", "'" + name + "' names no artifact");
  }
  if (!reader.ok()) return fail(reader.take());
  return failure;
}

Result<Outcome> outcome_from(const std::string& text, const std::filesystem::path& file) {
  auto json = parse_json(text, file.string());
  if (!json) return fail(json.error());
  JsonReader reader(*json, file.string());
  if (reader.get<int>("format") != kSpoolFormat) reader.fault("format", "this format is not known");
  Outcome outcome{reader.get<std::string>("database"),
                  reader.get<std::string>("unit"),
                  {reader.get<std::uint64_t>("epoch"), reader.get<std::uint64_t>("counter")},
                  {}};
  if (reader.has("result"))
    outcome.what = reader.take(unit_result_from_json(reader.raw("result"), file.string()));
  else
    outcome.what = reader.take(failure_from_json(reader.raw("failure"), file.string()));
  reader.finish();
  if (!reader.ok()) return fail(reader.take());
  return outcome;
}

// None: the file vanished since it was listed, as one does whose outcome was acknowledged
// meanwhile. Gone is gone, not damaged; and one that is there again is looked at again.
std::optional<Result<std::string>> text_of(const std::filesystem::path& file) {
  constexpr int kTries = 3;
  std::optional<Result<std::string>> text;
  for (int i = 0; i < kTries && !(text && *text); ++i) {
    std::error_code error;
    if (!std::filesystem::exists(file, error) && !error) return std::nullopt;
    text = io::read_file(file);
  }
  return text;
}

// False: it vanished meanwhile.
bool set_aside(const std::filesystem::path& file) {
  std::error_code error;
  std::filesystem::rename(file, file.string() + ".bad", error);
  if (error == std::errc::no_such_file_or_directory) return false;
  if (error) throw std::system_error(error, "cannot set aside " + file.string());
  return true;
}

}  // namespace

SpoolFolder::SpoolFolder(std::filesystem::path folder) : folder_(std::move(folder)) {
  std::filesystem::create_directories(folder_);
}

SpoolFolder::Loaded SpoolFolder::load() {
  Loaded loaded;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  for (const std::filesystem::path& file : files) {
    const auto text = text_of(file);
    if (!text) continue;
    auto outcome = *text ? outcome_from(**text, file) : fail(text->error());
    if (outcome) {
      loaded.outcomes.push_back(std::move(*outcome));
    } else if (set_aside(file)) {
      loaded.set_aside.add(outcome.error());
    }
  }
  return loaded;
}

void SpoolFolder::keep(const Outcome& outcome) {
  io::write_file_atomically(file_of(outcome), canonical(to_json(outcome)));
}

void SpoolFolder::forget(const Outcome& outcome) {
  // Not made durable: an outcome that comes back after a crash is sent once more and acknowledged
  // as repeated.
  std::filesystem::remove(file_of(outcome));
}

void SpoolFolder::note(const Outcome& outcome) noexcept {
  try {
    std::ofstream(folder_ / kNoteName, std::ios::binary | std::ios::trunc)
        << canonical(to_json(outcome));
  } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch)
    // Then a crash counts as a lost worker.
  }
}

void SpoolFolder::forget_note() noexcept {
  std::error_code ignored;
  std::filesystem::remove(folder_ / kNoteName, ignored);
}

std::optional<Outcome> SpoolFolder::take_note() {
  const auto text = io::read_file(folder_ / kNoteName);
  auto outcome = text ? outcome_from(*text, folder_ / kNoteName) : fail(text.error());
  forget_note();
  return outcome ? std::optional(std::move(*outcome)) : std::nullopt;
}

std::filesystem::path SpoolFolder::file_of(const Outcome& outcome) const {
  return folder_ / (sha256(outcome.database + "\n" + outcome.unit).hex() + ".json");
}

}  // namespace isocost::agent
