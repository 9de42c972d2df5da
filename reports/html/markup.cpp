#include "reports/html/markup.h"

namespace isocost::report {

std::string escape_html(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '\0':
        out += "\xEF\xBF\xBD";
        break;
      default:
        out += c;
    }
  }
  return out;
}

Markup& Markup::open(std::string_view tag, Attributes attributes) {
  out_.append("<").append(tag);
  for (const auto& [name, value] : attributes)
    out_.append(" ").append(name).append("=\"").append(escape_html(value)).append("\"");
  out_ += '>';
  return *this;
}

Markup& Markup::close(std::string_view tag) {
  out_.append("</").append(tag).append(">");
  if (tag == "p" || tag == "tr" || tag == "h2" || tag == "h3" || tag == "table" ||
      tag == "section" || tag == "div" || tag == "figure")
    out_ += '\n';
  return *this;
}

Markup& Markup::text(std::string_view text) {
  out_ += escape_html(text);
  return *this;
}

Markup& Markup::element(std::string_view tag, std::string_view text, Attributes attributes) {
  return open(tag, attributes).text(text).close(tag);
}

Markup& Markup::raw(std::string_view html) {
  out_ += html;
  return *this;
}

}  // namespace isocost::report
