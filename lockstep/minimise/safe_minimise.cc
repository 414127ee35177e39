#include "lockstep/minimise/safe_minimise.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "lockstep/children/watched_child.h"
#include "lockstep/reports/divergence.h"
#include "vocab/text.h"

namespace mmtwin::lockstep {
namespace {

using Clock = std::chrono::steady_clock;
using nlohmann::json;

// A candidate hangs that takes this many times as long as the original did, within these bounds.
constexpr double kHangFactor = 20, kLeastPatience = 1, kMostPatience = 10;
constexpr double kPatienceForHangs = 0.02;  // of the budget: so long a program that should hang is watched
constexpr double kListenSeconds = 0.1;     // between questions whether somebody interrupts
constexpr auto kSignOfLife = std::chrono::milliseconds(20);

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

std::string to_text(const Minimised& result, bool is_last) {
  const json header = {{"law", result.signature.law},     {"operation", result.signature.operation},
                       {"field", result.signature.field}, {"step", result.step},
                       {"executions", result.executions}, {"fails", result.fails},
                       {"minimal", result.minimal},       {"last", is_last}};
  return header.dump(-1, ' ', false, json::error_handler_t::replace) + "\n" + print(result.program);
}

// A message is its length, a line's end and the text; an empty one is a sign of life.
std::string framed(const std::string& text) { return std::to_string(text.size()) + "\n" + text; }

// Takes the first whole message off the front.
std::optional<std::string> take_message(std::string& heard) {
  const std::size_t end = heard.find('\n');
  std::size_t length = 0;
  if (end == std::string::npos) return std::nullopt;
  std::from_chars(heard.data(), heard.data() + end, length);
  if (heard.size() - end - 1 < length) return std::nullopt;
  std::string message = heard.substr(end + 1, length);
  heard.erase(0, end + 1 + length);
  return message;
}

class SafeSearch {
 public:
  SafeSearch(Runner& runner, const Program& program, const GuardedOutcome& original,
             const SafeMinimiseOptions& options)
      : runner_(runner), program_(program), original_(original), options_(options) {
    best_.program = program;
    best_.before = best_.after = program.length();
    best_.step = original.outcome.step.raw();
    best_.signature = signature_of(original).value_or(Signature{});
    best_.fails = true;  // who calls has seen it
  }

  Minimised run() {
    const bool crashed = original_.outcome.verdict == Verdict::kCrashed && original_.outcome.how.empty();
    if (crashed || !ends_in_one_child()) {
      if (!crashed && !is_over()) say("a candidate crashed or hung: one child per candidate from here on");
      if (!is_over()) in_many_children();
    }
    best_.before = program_.length();
    best_.after = best_.program.length();
    best_.seconds = seconds_since(start_);
    if (!best_.minimal && left() <= 0) say("budget used up");
    return std::move(best_);
  }

 private:
  double left() const { return options_.seconds - seconds_since(start_); }
  bool is_over() const { return left() <= 0 || (options_.is_interrupted && options_.is_interrupted()); }
  void say(const std::string& line) const {
    if (options_.log) options_.log(line);
  }

  MinimiseOptions what_may_change() const {
    MinimiseOptions how;
    how.change_operations = how.shrink_machine = !options_.shows_the_same;
    return how;
  }
  std::optional<Failure> unless_other(const Program& candidate, std::optional<Failure> failure) const {
    const bool is_other = failure && options_.shows_the_same && !options_.shows_the_same(candidate, failure->step);
    return is_other ? std::nullopt : failure;
  }

  void search(const WatchedChild::Say& tell) const {
    auto last_sign = Clock::now();
    const Probe inner = probe_with(runner_, original_.outcome);
    const Probe probe = [&](const Program& candidate) {
      if (Clock::now() - last_sign > kSignOfLife) {
        tell(framed(""));
        last_sign = Clock::now();
      }
      return unless_other(candidate, inner(candidate));
    };
    MinimiseOptions how = what_may_change();
    how.seconds = left();
    how.log = options_.log;
    how.improved = [&](const Minimised& better) { tell(framed(to_text(better, false))); };
    tell(framed(to_text(minimise(program_, probe, how), true)));
  }

  void hear(const std::string& message) {
    const std::size_t end = std::min(message.find('\n'), message.size());
    const json header = json::parse(message.substr(0, end), nullptr, false);
    auto program = parse_program(std::string_view(message).substr(std::min(end + 1, message.size())));
    if (!header.is_object() || !program) return;
    best_.executions = header.at("executions");
    has_ended_ = header.at("last");
    best_.fails = header.at("fails");
    if (!best_.fails) return;
    best_.program = std::move(program.value());
    best_.signature = {header.at("law"), header.at("operation"), header.at("field")};
    best_.step = header.at("step");
    best_.minimal = header.at("minimal");
  }

  // False: a candidate did not let the search come to its end.
  bool ends_in_one_child() {
    const auto begin = Clock::now();
    WatchedChild child([this](const WatchedChild::Say& tell) { search(tell); });
    std::string heard;
    auto last_heard = begin;
    std::optional<double> first;  // how long the original took
    while (!has_ended_) {
      const bool over = is_over();
      const auto state = child.listen(over ? 0 : std::min(left(), kListenSeconds), heard);
      while (const auto message = take_message(heard)) {
        last_heard = Clock::now();
        if (message->empty()) continue;
        hear(*message);
        if (!first) first = seconds_since(begin);
      }
      if (state == WatchedChild::Heard::kEnd) break;
      if (over && state == WatchedChild::Heard::kNothing) return true;
      const double patience = std::clamp(kHangFactor * first.value_or(kMostPatience), kLeastPatience, kMostPatience);
      if (first && seconds_since(last_heard) > patience) break;
    }
    return has_ended_;
  }

  // Each candidate in a child that is ended once it takes too long, or once the time is up.
  Probe watched_probe(std::optional<double>& patience) const {
    const bool hangs = original_.hung;
    return [this, hangs, &patience](const Program& candidate) -> std::optional<Failure> {
      const double most = patience.value_or(left());
      const double given = std::min(most, left());
      if (given <= 0) return std::nullopt;
      const auto begin = Clock::now();
      const auto failure = probe_in_children(runner_, needed_for(original_.outcome), given)(candidate);
      const double taken = seconds_since(begin);
      if (!patience) patience = std::clamp(kHangFactor * taken, kLeastPatience, kMostPatience);
      const bool was_cut_short = hangs && given < most && taken >= given;
      return was_cut_short ? std::nullopt : unless_other(candidate, failure);
    };
  }

  Minimised try_from(const Program& program) {
    std::optional<double> patience;
    if (original_.hung) {
      patience = std::clamp(kPatienceForHangs * options_.seconds, kLeastPatience, kMostPatience);
    }
    MinimiseOptions how = what_may_change();
    how.seconds = left();
    how.log = options_.log;
    how.is_over = [this] { return is_over(); };
    return minimise(program, watched_probe(patience), how);
  }

  void in_many_children() {
    const std::uint64_t executions = best_.executions;
    Minimised found = try_from(best_.program);
    // What was left in one child by earlier candidates may have made the best so far fail.
    const bool is_other = !found.fails || (executions != 0 && found.signature != best_.signature);
    if (is_other && !is_over() && executions != 0) {
      const std::uint64_t so_far = found.executions;
      found = try_from(program_);
      found.executions += so_far;
    }
    if (!found.fails && is_over()) return;  // it had no time to show itself
    found.executions += executions;
    best_ = std::move(found);
  }

  Runner& runner_;
  const Program& program_;
  const GuardedOutcome& original_;
  const SafeMinimiseOptions& options_;
  Clock::time_point start_ = Clock::now();
  Minimised best_;
  bool has_ended_ = false;  // the search in one child
};

Footer footer_known(const Minimised& result, const GuardedOutcome& original) {
  Footer footer;
  footer.verdict = original.outcome.verdict;
  footer.step = StepNumber(result.step);
  footer.law = footer.verdict == Verdict::kCrashed ? result.signature.field : result.signature.law;
  return footer;
}

}  // namespace

Minimised minimise_safely(Runner& runner, const Program& program, const GuardedOutcome& original,
                          const SafeMinimiseOptions& options) {
  return SafeSearch(runner, program, original, options).run();
}

Confirmation confirm(Runner& runner, const Minimised& result, const GuardedOutcome& original, const std::string& file,
                     double seconds) {
  const auto start = Clock::now();
  const std::string replay = "  replay: " + replay_command(runner.system(), file) + "\n";
  Confirmation confirmation{footer_known(result, original),
                            "failed at step " + std::to_string(result.step) + "\n  signature: " +
                                result.signature.print() + "\n" + replay};
  GuardOptions guard;
  guard.run.digests = true;
  guard.watchdog_seconds = seconds;
  const GuardedOutcome now = run_guarded(runner, result.program, guard);
  if (!now.problem.empty() || (now.hung && !original.hung)) return confirmation;
  confirmation.footer = footer_of(now, true);
  if (now.outcome.verdict == Verdict::kCrashed) {
    const std::string step = std::to_string(now.outcome.step.raw());
    confirmation.story = "crashed (" + now.how() + ") at step " + step + "\n" + replay;
  } else if (now.outcome.finding) {
    const auto tell = [&] { return describe_failure(runner, result.program, now.outcome, file).print(); };
    if (auto story = answer_in_child(tell, std::max(seconds - seconds_since(start), kLeastPatience))) {
      confirmation.story = std::move(*story);
    }
  }
  return confirmation;
}

}  // namespace mmtwin::lockstep
