#include "tools/import/strace_records.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <utility>

namespace mmtwin::tools {
namespace {

using Kind = StraceRecord::Kind;
constexpr std::string_view kUnfinished = "<unfinished ...>";
constexpr std::string_view kDetached = "<detached ...>";

bool is_name_character(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '?'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// "P3 ", "123 ", "[pid 123] " or nothing; then perhaps a time stamp.
std::uint64_t process_number(LineCursor& at) {
  std::uint64_t process = 0;
  at.skip_spaces();
  LineCursor ahead = at;
  std::string_view word = ahead.until(" ");
  bool is_stamp = word.find_first_of(".:") != word.npos && word.find('(') == word.npos;
  if (at.accept("[pid ")) {
    process = at.decimal("process id");
    at.expect("] ");
  } else if (word.size() > 1 && word[0] == 'P' && std::isdigit(static_cast<unsigned char>(word[1])) != 0) {
    at.accept("P");
    process = at.decimal("process number");
    at.expect(" ");
  } else if (!word.empty() && std::isdigit(static_cast<unsigned char>(word[0])) != 0 && !is_stamp) {
    process = at.decimal("process id");
    at.expect(" ");
  }
  at.skip_spaces();
  ahead = at;
  word = ahead.until(" ");
  bool starts_with_digit = !word.empty() && std::isdigit(static_cast<unsigned char>(word[0])) != 0;
  if (starts_with_digit && word.find_first_of(".:") != word.npos) at = ahead;
  at.skip_spaces();
  return process;
}

// Splits at commas outside quotes and brackets. strace marks what it shortened by "..." behind the closing quote.
std::vector<std::string> split_arguments(std::string_view text) {
  std::vector<std::string> found;
  int depth = 0;
  bool is_quoted = false;
  std::size_t start = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (is_quoted) {
      if (c == '\\') ++i;
      if (c == '"') is_quoted = false;
    } else if (c == '"') {
      is_quoted = true;
    } else if (c == '(' || c == '[' || c == '{') {
      ++depth;
    } else if (c == ')' || c == ']' || c == '}') {
      --depth;
    } else if (c == ',' && depth == 0) {
      found.emplace_back(trimmed(text.substr(start, i - start)));
      start = i + 1;
    }
  }
  if (std::string_view last = trimmed(text.substr(std::min(start, text.size()))); !last.empty() || !found.empty()) {
    found.emplace_back(last);
  }
  return found;
}

class Reader {
 public:
  explicit Reader(const std::set<std::string_view>& wanted) : wanted_(wanted) {}

  std::vector<StraceRecord> read(std::string_view text) {
    LogLines lines(text);
    LineCursor at;
    while (lines.next(at)) {
      if (at.peek() == '#' || at.rest().starts_with("strace: ")) continue;
      read_line(at);
      if (records_.size() > kMaxLogOperations) at.fail("more records than are read");
    }
    for (const auto& [process, begun] : begun_) never_resumed(begun);
    return std::move(records_);
  }

 private:
  struct Begun {
    std::size_t index = 0;  // of its record
    std::string name;
    std::string text;  // of the arguments so far
    std::uint64_t pair = 0;
  };

  void read_line(LineCursor at) {
    std::uint64_t process = process_number(at);
    if (at.accept("--- ")) return;
    if (at.accept("+++ ")) {
      push(Kind::kEnded, at, process, "");
    } else if (at.accept("<... ")) {
      resume(at, process);
    } else {
      call(at, process);
    }
  }

  StraceRecord& push(Kind kind, const LineCursor& place, std::uint64_t process, std::string_view name) {
    StraceRecord& record = records_.emplace_back();
    record.kind = kind;
    record.place = place;
    record.began = record.ended = place.line_number();
    record.process = process;
    record.name = std::string(name);
    return record;
  }

  static std::string_view read_name(LineCursor& at) {
    std::string_view rest = at.rest();
    std::size_t length = 0;
    while (length < rest.size() && is_name_character(rest[length])) ++length;
    if (length == 0) at.fail("expected a system call, not " + in_quotes(rest));
    at.accept(rest.substr(0, length));
    return rest.substr(0, length);
  }

  void call(LineCursor at, std::uint64_t process) {
    LineCursor place = at;
    std::string_view name = read_name(at);
    at.expect("(");
    std::string_view text = at.rest();
    bool is_cut = text.ends_with(kUnfinished) || text.ends_with(kDetached);
    if (!is_cut) {
      finish(push(Kind::kCall, place, process, name), text);
      return;
    }
    text.remove_suffix(text.ends_with(kUnfinished) ? kUnfinished.size() : kDetached.size());
    begun_[process] = {records_.size(), std::string(name), std::string(trimmed(text)), ++pairs_};
    StraceRecord& record = push(makes_process(name) ? Kind::kCallBegun : Kind::kVoid, place, process, name);
    record.pair = pairs_;
    if (wanted_.contains(name)) record.arguments = split_arguments(text);
  }

  void resume(LineCursor at, std::uint64_t process) {
    LineCursor place = at;
    std::string_view name = read_name(at);
    at.expect(" resumed>");
    auto found = begun_.find(process);
    if (found == begun_.end() && name == "execve") found = unfinished_exec();
    if (found == begun_.end()) {
      // The log begins in the middle of this call.
      push(Kind::kCall, place, process, name);
      return;
    }
    Begun begun = std::move(found->second);
    if (found->first != process) push(Kind::kEnded, place, found->first, "");
    begun_.erase(found);
    if (begun.name != name) place.fail("the unfinished call of this process is " + mentioned(begun.name, kQuotedBytes));
    bool is_early = name == "munmap" || name == "exit" || name == "exit_group";
    std::string text = begun.text + std::string(at.rest());
    if (is_early) {
      StraceRecord& record = records_[begun.index];
      record.kind = Kind::kCall;
      record.ended = place.line_number();
      finish(record, text);
      return;
    }
    const std::size_t began = records_[begun.index].began;
    StraceRecord& record = push(Kind::kCall, place, process, name);
    record.began = began;
    record.pair = begun.pair;
    finish(record, text);
  }

  // A thread that execs goes on under the number of its process's first thread.
  std::map<std::uint64_t, Begun>::iterator unfinished_exec() {
    return std::find_if(begun_.begin(), begun_.end(), [](const auto& entry) { return entry.second.name == "execve"; });
  }

  // A process that ended inside a call: what it did is unknown, but it was made.
  void never_resumed(const Begun& begun) {
    StraceRecord& record = records_[begun.index];
    if (record.kind != Kind::kVoid) return;
    record.kind = Kind::kCall;
    record.outcome = StraceRecord::Outcome::kUnknown;
  }

  // "args) = result (explanation)"
  void finish(StraceRecord& record, std::string_view text) {
    std::size_t equals = text.rfind(" = ");
    std::string_view before = equals == text.npos ? std::string_view() : trimmed(text.substr(0, equals));
    while (equals != text.npos && equals != 0 && !before.ends_with(')')) {
      equals = text.rfind(" = ", equals - 1);
      before = equals == text.npos ? std::string_view() : trimmed(text.substr(0, equals));
    }
    if (!before.ends_with(')'))
      record.place.fail("the call " + mentioned(record.name, kQuotedBytes) + " has no result");
    before.remove_suffix(1);
    if (wanted_.contains(record.name)) record.arguments = split_arguments(before);
    LineCursor result(text.substr(equals + 3), record.place.line_number());
    if (result.accept("?")) return;
    if (result.accept("-1 ")) {
      record.outcome = StraceRecord::Outcome::kFailed;
      record.error = std::string(result.word("name of an error"));
      return;
    }
    record.outcome = StraceRecord::Outcome::kDone;
    if (result.accept("-")) return;
    if (std::isdigit(static_cast<unsigned char>(result.peek())) == 0) {
      record.place.fail("the result of " + mentioned(record.name, kQuotedBytes) + " is not a number: " +
                        in_quotes(result.rest()));
    }
    record.value = result.number("result");
  }

  const std::set<std::string_view>& wanted_;
  std::vector<StraceRecord> records_;
  std::map<std::uint64_t, Begun> begun_;  // by process
  std::uint64_t pairs_ = 0;
};

}  // namespace

bool makes_process(std::string_view call) {
  return call == "fork" || call == "vfork" || call == "clone" || call == "clone3";
}

std::vector<StraceRecord> read_strace(std::string_view text, const std::set<std::string_view>& wanted) {
  std::vector<StraceRecord> records = Reader(wanted).read(text);
  if (records.empty()) throw MalformedLog(1, 1, "the log holds no system call");
  return records;
}

std::vector<std::string_view> split_flags(std::string_view words) {
  std::vector<std::string_view> found;
  while (!words.empty()) {
    std::string_view word = words.substr(0, words.find('|'));
    words.remove_prefix(std::min(words.size(), word.size() + 1));
    if (!word.empty()) found.push_back(word);
  }
  return found;
}

}  // namespace mmtwin::tools
