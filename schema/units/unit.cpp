#include "schema/units/unit.h"

#include <charconv>

#include "schema/units/kind.h"

namespace isocost {
namespace {

constexpr std::string_view kPicture = "picture/";

}  // namespace

UnitKind kind_of(const UnitBody& unit) { return units::kinds().at(unit.index()).kind; }

std::string body_text(const BodyParts& parts) { return units::row_of(parts.kind).body(parts); }

std::string body_text(const UnitBody& unit) {
  return body_text(units::row_of(kind_of(unit)).parts(unit));
}

Result<UnitBody> unit_body_from_json(UnitKind kind, const Json& json, const std::string& where) {
  return units::row_of(kind).parse(json, where);
}

Result<UnitBody> unit_body_from_text(UnitKind kind, const std::string& text,
                                     const std::string& where) {
  const auto json = parse_json(text, where);
  if (!json) return fail(json.error());
  return unit_body_from_json(kind, *json, where);
}

std::string unit_name(const UnitBody& unit) { return units::row_of(kind_of(unit)).name_of(unit); }

std::string rows_artifact(const std::string& extractor) { return "rows/" + extractor; }

std::string picture_artifact(std::uint64_t image) {
  return std::string(kPicture) + std::to_string(image);
}

std::optional<std::uint64_t> image_of_picture(std::string_view artifact) {
  if (!artifact.starts_with(kPicture)) return std::nullopt;
  artifact.remove_prefix(kPicture.size());
  std::uint64_t image = 0;
  const auto [end, error] =
      std::from_chars(artifact.data(), artifact.data() + artifact.size(), image);
  if (error != std::errc() || end != artifact.data() + artifact.size()) return std::nullopt;
  return image;
}

}  // namespace isocost
