#include "tools/commands/systems.h"

#include <fmt/core.h>

#include <stdexcept>
#include <variant>

#include "lockstep/contract_system.h"
#include "lockstep/suts/ours/ours.h"
#include "lockstep/suts/plugin/plugin_system.h"
#include "lockstep/suts/recorded.h"
#include "vocab/wording.h"

namespace mmtwin::tools {
namespace {

using lockstep::PluginSystem;

bool is_plugin(const std::string& name) { return name.find('/') != std::string::npos; }

}  // namespace

std::string system_problem(const std::string& name) {
  if (name == "ours" || name == "recorded" || name == "model") return {};
  if (!is_plugin(name)) return in_quotes(name) + " is no system: ours, recorded, model, or a plug-in as ./NAME.so";
  const auto opened = PluginSystem::open(name, PluginSystem::Hosts::kOneARun);
  const auto* const problem = std::get_if<std::string>(&opened);
  return problem == nullptr ? std::string() : *problem;
}

std::unique_ptr<lockstep::System> make_system(const std::string& name, bool for_many) {
  if (name == "recorded") return std::make_unique<lockstep::RecordedSystem>();
  if (name == "model") return std::make_unique<lockstep::ContractSystem>();
  if (!is_plugin(name)) return lockstep::make_ours();
  auto opened = PluginSystem::open(name, for_many ? PluginSystem::Hosts::kOneForAll : PluginSystem::Hosts::kOneARun);
  if (auto* const problem = std::get_if<std::string>(&opened)) throw std::runtime_error(*problem);
  return std::move(std::get<std::unique_ptr<PluginSystem>>(opened));
}

std::string what_is_not_judged(const lockstep::System& system) {
  const auto* const plugin = dynamic_cast<const PluginSystem*>(&system);
  if (plugin == nullptr) return {};
  return fmt::format(
      "{} is judged by its answers and the bytes of its blocks; a refusal by a bound (it declares {} of 1024 frames\n"
      "of a zone for itself); not judged: order of zones, locks, lost wake-ups, slow paths\n",
      plugin->title().empty() ? "it" : mentioned(plugin->title()), plugin->claims().overhead_per_1024);
}

}  // namespace mmtwin::tools
