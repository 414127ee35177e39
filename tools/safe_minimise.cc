#include "tools/safe_minimise.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <optional>

#include "lockstep/child_process.h"
#include "vocab/text.h"

namespace mmtwin::tools {
namespace {

using lockstep::Minimised;
using nlohmann::json;

std::string to_text(const Minimised& result) {
  json header = {{"law", result.signature.law},     {"operation", result.signature.operation},
                 {"field", result.signature.field}, {"step", result.step},
                 {"before", result.before},         {"after", result.after},
                 {"executions", result.executions}, {"seconds", result.seconds},
                 {"fails", result.fails},           {"minimal", result.minimal}};
  return header.dump() + "\n" + print(result.program);
}

std::optional<Minimised> from_text(const std::string& text) {
  std::size_t end = text.find('\n');
  if (end == std::string::npos) return std::nullopt;
  json header = json::parse(text.substr(0, end), nullptr, false);
  auto program = parse_program(std::string_view(text).substr(end + 1));
  if (!header.is_object() || !program) return std::nullopt;
  Minimised result;
  result.program = std::move(program.value());
  result.signature = {header.at("law"), header.at("operation"), header.at("field")};
  result.step = header.at("step");
  result.before = header.at("before");
  result.after = header.at("after");
  result.executions = header.at("executions");
  result.seconds = header.at("seconds");
  result.fails = header.at("fails");
  result.minimal = header.at("minimal");
  return result;
}

void write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

std::string read_all(int descriptor) {
  std::string text;
  char buffer[1 << 14];
  for (;;) {
    ssize_t got = ::read(descriptor, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text;
    text.append(buffer, static_cast<std::size_t>(got));
  }
}

// nullopt: the child died, or there was none.
std::optional<Minimised> in_one_child(const std::function<Minimised()>& work) {
  int ends[2];
  if (::pipe(ends) != 0) return std::nullopt;
  pid_t pid = lockstep::fork_child();
  if (pid == 0) {
    ::close(ends[0]);
    write_all(ends[1], to_text(work()));
    ::_exit(0);
  }
  ::close(ends[1]);
  std::string text = pid > 0 ? read_all(ends[0]) : "";
  ::close(ends[0]);
  int status = 0;
  if (pid > 0) ::waitpid(pid, &status, 0);
  return pid > 0 && status == 0 ? from_text(text) : std::nullopt;
}

}  // namespace

Minimised minimise_safely(lockstep::Runner& runner, const Program& program, const lockstep::RunOutcome& original,
                          double seconds, const std::function<void(const std::string&)>& log) {
  lockstep::MinimiseOptions how;
  how.seconds = seconds;
  how.log = log;
  if (original.verdict != lockstep::Verdict::kCrashed) {
    auto result = in_one_child([&] { return minimise(program, probe_with(runner, original), how); });
    if (result) return std::move(*result);
    if (log) log("a candidate crashed: one child per candidate from here on");
  }
  return minimise(program, probe_in_children(runner, {}), how);
}

}  // namespace mmtwin::tools
