#include "lockstep/traces/trace.h"

#include <xxhash.h>

#include <charconv>
#include <fstream>
#include <iterator>
#include <utility>

#include "lockstep/run/digest.h"
#include "lockstep/traces/whole_file.h"
#include "vocab/text.h"
#include "vocab/wording.h"

namespace mmtwin::lockstep {

namespace {

constexpr std::string_view kFooterStart = "# verdict=";

std::optional<std::string> read_whole(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return std::nullopt;
  std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (in.bad()) return std::nullopt;
  return text;
}

// Cuts the text up to the next of `stops` off its front.
std::string_view take_until(std::string_view& text, std::string_view stops) {
  const std::size_t end = std::min(text.find_first_of(stops), text.size());
  const std::string_view taken = text.substr(0, end);
  text.remove_prefix(end);
  return taken;
}

std::optional<Verdict> verdict_named(std::string_view name) {
  for (unsigned i = 0; i < std::size(kVerdictNames); ++i) {
    if (kVerdictNames[i] == name) return static_cast<Verdict>(i);
  }
  return std::nullopt;
}

std::optional<Footer> parse_footer_line(std::string_view line) {
  line.remove_prefix(kFooterStart.size());
  Footer footer;
  const std::optional<Verdict> verdict = verdict_named(take_until(line, "@ "));
  if (!verdict) return std::nullopt;
  footer.verdict = *verdict;
  if (line.starts_with('@')) {
    line.remove_prefix(1);
    const std::string_view digits = take_until(line, " ");
    std::uint64_t step = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), step);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    footer.step = StepNumber(step);
  }
  while (!line.empty()) {
    if (line.front() == ' ') {
      line.remove_prefix(1);
      continue;
    }
    std::string_view word = take_until(line, " (");
    if (word.starts_with("answers=")) {
      footer.answers = word.substr(8);
    } else if (word.starts_with("events=")) {
      footer.events = word.substr(7);
    } else if (word.empty()) {
      line.remove_prefix(1);
      std::string_view inside = take_until(line, ")");
      if (inside.starts_with("build ")) footer.build = inside.substr(6);
      if (!line.empty()) line.remove_prefix(1);
    } else {
      footer.law += (footer.law.empty() ? "" : " ") + std::string(word);
    }
  }
  return footer;
}

}  // namespace

std::string print_footer(const Footer& footer) {
  std::string text(kFooterStart);
  text += name_of(footer.verdict);
  if (footer.verdict != Verdict::kAgreed) text += "@" + std::to_string(footer.step.raw());
  if (!footer.law.empty()) text += " " + footer.law;
  if (!footer.answers.empty()) text += "  answers=" + footer.answers;
  if (!footer.events.empty()) text += "  events=" + footer.events;
  if (!footer.events.empty() && !footer.build.empty()) text += "(build " + footer.build + ")";
  return text + "\n";
}

std::optional<Footer> parse_footer(std::string_view text) {
  std::optional<Footer> last;
  while (!text.empty()) {
    std::string_view line = take_until(text, "\n");
    if (!text.empty()) text.remove_prefix(1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.starts_with(kFooterStart)) continue;
    if (const std::optional<Footer> footer = parse_footer_line(line)) last = footer;
  }
  return last;
}

std::string TraceError::print() const {
  if (line == 0) return mentioned(file) + ": " + message;
  return mentioned(file) + ":" + std::to_string(line) + ":" + std::to_string(column) + ": " + message;
}

std::variant<Trace, TraceError> parse_trace(std::string_view text, const std::string& name) {
  Parsed<Program> program = parse_program(text);
  if (!program) {
    const ParseError& error = program.error();
    return TraceError{name, static_cast<unsigned>(error.line), static_cast<unsigned>(error.column), error.message};
  }
  return Trace{std::move(program.value()), parse_footer(text)};
}

std::variant<Trace, TraceError> read_trace(const std::filesystem::path& file) {
  const std::optional<std::string> text = read_whole(file);
  if (!text) return TraceError{file.string(), 0, 0, "cannot be read"};
  return parse_trace(*text, file.string());
}

std::string print_trace(const Program& program, const Footer* footer) {
  return print(program) + (footer ? print_footer(*footer) : "");
}

std::optional<std::string> write_trace(const std::filesystem::path& file, const Program& program,
                                       const Footer* footer) {
  return replace_file(file, print_trace(program, footer));
}

Footer footer_of(const RunOutcome& outcome, bool has_digests) {
  Footer footer;
  footer.verdict = outcome.verdict;
  footer.step = outcome.step;
  if (outcome.finding) footer.law = model::id_of(outcome.finding->law);
  if (has_digests) {
    footer.answers = hex(outcome.answers);
    footer.events = hex(outcome.events);
    footer.build = build_id();
  }
  return footer;
}

const std::string& build_id() {
  static const std::string id = [] {
    const std::string program = read_whole("/proc/self/exe").value_or("");
    return hex(XXH3_64bits(program.data(), program.size()));
  }();
  return id;
}

}  // namespace mmtwin::lockstep
