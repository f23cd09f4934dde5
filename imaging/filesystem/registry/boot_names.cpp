#include "imaging/filesystem/registry/boot_names.h"

#include <algorithm>
#include <array>

#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

// Object types. Source: "BcdObject", Microsoft Learn: what kind, for whom, which application.
constexpr std::uint32_t firmware_manager = 0x10100001, boot_manager = 0x10100002, os_loader = 0x10200003,
                        resume_loader = 0x10200004, memory_tester = 0x10200005, boot_application = 0x1020000A,
                        settings_for_all = 0x20100000, settings_for_loaders = 0x20200003, device_options = 0x30000000;

constexpr std::array objects{
    KnownBootObject{"Windows Boot Manager", "{9dea862c-5cdd-4e70-acc1-f32b344d4795}", boot_manager},
    KnownBootObject{"Firmware BootMgr", "{a5a30fa2-3d06-4e9f-b5f4-a01df9d1fcba}", firmware_manager},
    KnownBootObject{"Windows Loader", "{7619dcc9-fafe-11d9-b411-000476eba25f}", os_loader},
    KnownBootObject{"Windows Phone Update OS", "{311b88b5-9b30-491d-bad9-167ca3e2d417}", os_loader},
    KnownBootObject{"MMOS", "{a5935ff2-32ba-4617-bf36-5ac314b3f9bf}", os_loader},
    KnownBootObject{"MMOS Launcher App", "{874ef8bb-d20f-4364-b545-a36e88ec40b0}", boot_application},
    KnownBootObject{"Mobile Startup App", "{01de5a27-8705-40db-bad6-96fa5187d4a6}", boot_application},
    KnownBootObject{"Full Flash Update", "{0ff5f24a-3785-4aeb-b8fe-4226215b88c4}", boot_application},
    KnownBootObject{"Reset My Phone App", "{bd8951c4-eabd-4c6f-aafb-4ddb4eb0469b}", boot_application},
    KnownBootObject{"Preboot Crash Dump Application", "{012cdeb8-68fe-4fb9-be98-dbf20d98c261}", boot_application},
    KnownBootObject{"Developer Menu App", "{0d1b5e40-42f1-41e7-a690-8dd3ce23cc11}", boot_application},
    KnownBootObject{"Relock App", "{f8e167d7-bedf-41ff-a32e-27043a83cc89}", boot_application},
    KnownBootObject{"HoloLens Display Initialization App", "{17b80a47-c57b-460f-af39-9bd2d4080a26}", boot_application},
    KnownBootObject{"Windows Memory Tester", "{b2721d73-1db4-4c62-bf78-c548a880142d}", memory_tester},
    KnownBootObject{"Windows Resume App", "{147aa509-0358-4473-b83b-d950dda00615}", resume_loader},
    KnownBootObject{"Global Settings Group", "{7ea2e1ac-2e61-4728-aaa3-896d9d0a9f0e}", settings_for_all},
    KnownBootObject{"Debugger Settings Group", "{4636856e-540f-4170-a130-a84776f4c654}", settings_for_all},
    KnownBootObject{"EMS Settings Group", "{0ce4991b-e6b3-4b16-b23c-5e0d9250e5d9}", settings_for_all},
    KnownBootObject{"Boot Loader Settings Group", "{6efb52bf-1766-41db-a6b3-0ee5eff72bd7}", settings_for_loaders},
    KnownBootObject{"Hypervisor Settings Group", "{7ff607e0-4395-11db-b0de-0800200c9a66}", settings_for_loaders},
    KnownBootObject{"Ramdisk Options", ramdisk_options_id, device_options},
};

struct Setting {
  std::string_view name;
  std::uint32_t number;
};

// Numbers are class, format, setting. Source: "BcdLibraryElementTypes", "BcdBootMgrElementTypes",
// "BcdOSLoaderElementTypes", Microsoft Learn; names and the phone's own settings as the files use them.
constexpr std::array settings{
    // Any boot application.
    Setting{"Boot Device", 0x11000001},
    Setting{"Application Path", 0x12000002},
    Setting{"Description", 0x12000004},
    Setting{"Preferred Locale", 0x12000005},
    Setting{"Inherit", 0x14000006},
    Setting{"Recovery Sequence", 0x14000008},
    Setting{"Auto-recovery Enabled", 0x16000009},
    Setting{"Debugger Enabled", 0x16000010},
    Setting{"Debugger Type", 0x15000011},
    Setting{"Debugger Port Address", 0x15000012},
    Setting{"Port Number", 0x15000013},
    Setting{"Debugger Baud Rate", 0x15000014},
    Setting{"Debugger USB Target Name", 0x12000016},
    Setting{"Debugger Ignore Usermode Exceptions", 0x16000017},
    Setting{"Debugger Start Policy", 0x15000018},
    Setting{"Debugger Bus Parameters", 0x12000019},
    Setting{"Debugger Network Host IP", 0x1500001A},
    Setting{"Debugger Network Port", 0x1500001B},
    Setting{"Debugger Network DHCP", 0x1600001C},
    Setting{"Debugger Network Key", 0x1200001D},
    Setting{"EMS Enabled", 0x16000020},
    Setting{"Load Options", 0x12000030},
    Setting{"Display Advanced Options", 0x16000040},
    Setting{"Display Option Edit", 0x16000041},
    Setting{"BSD Filepath", 0x12000044},
    Setting{"BSD Preserve Previous Entries", 0x16000045},
    Setting{"Graphics Mode Disable", 0x16000046},
    Setting{"Disable Integrity Checks", 0x16000048},
    Setting{"Allow Pre-release Signatures", 0x16000049},
    Setting{"Console Extended Input", 0x16000050},
    Setting{"Boot UX Text Disable", 0x16000068},
    Setting{"Boot UX Progress Animation Disable", 0x16000069},
    Setting{"Boot UX Fade Disable", 0x1600006A},
    Setting{"Force No Keyboard", 0x16000072},
    Setting{"Boot UX Logo Transition Time", 0x15000079},
    Setting{"Boot UX Logo Transition Enable", 0x1600007A},
    Setting{"Boot UX Error Screen", 0x1500007D},
    Setting{"Allow Flight Signatures", 0x1600007E},
    // Boot manager, loaders and the phone's own applications.
    Setting{"OS Loader Type", 0x21000001},
    Setting{"Display Order", 0x24000001},
    Setting{"System Root", 0x22000002},
    Setting{"Boot Sequence", 0x24000002},
    Setting{"Default Object", 0x23000003},
    Setting{"Timeout Value", 0x25000004},
    Setting{"Resume Object", 0x23000006},
    Setting{"Debugging Enabled", 0x26000006},
    Setting{"Tools Display Order", 0x24000010},
    Setting{"Detect Kernel and HAL", 0x26000010},
    Setting{"Debug Transport Path", 0x22000013},
    Setting{"NX Policy", 0x25000020},
    Setting{"PAE Policy", 0x25000021},
    Setting{"Display Boot Menu", 0x26000020},
    Setting{"BCD Device", 0x21000022},
    Setting{"WinPE Image", 0x26000022},
    Setting{"File Path", 0x22000023},
    Setting{"Process Custom Actions First", 0x26000028},
    Setting{"Custom Action List", 0x27000030},
    Setting{"Remove Memory", 0x25000031},
    Setting{"Persist Boot Sequence", 0x26000031},
    Setting{"Quiet Boot Enable", 0x26000041},
    Setting{"Kernel Debugger Enabled", 0x260000A0},
    Setting{"Kernel EMS Enabled", 0x260000B0},
    Setting{"Boot Menu Policy", 0x250000C2},
    Setting{"Boot Status Policy", 0x250000E0},
    Setting{"Hypervisor Debugger Type", 0x250000F3},
    Setting{"Hypervisor Debugger Port Number", 0x250000F4},
    Setting{"Hypervisor Debugger Baud Rate", 0x250000F5},
    Setting{"Manufacturing Mode", 0x22000140},
    Setting{"Enable Boot Debug Policy", 0x26000145},
    Setting{"Enable Boot Order Clean", 0x26000146},
    Setting{"Enable Device Id", 0x26000147},
    Setting{"Enable FFU Loader", 0x26000148},
    Setting{"Enable IU Loader", 0x26000149},
    Setting{"Enable Mass Storage", 0x2600014A},
    Setting{"Enable RPMB Provisioning", 0x2600014B},
    Setting{"Enable Secure Boot Policy", 0x2600014C},
    Setting{"Enable Start Charge", 0x2600014D},
    Setting{"Enable Reset TPM", 0x2600014E},
    Setting{"FFU Update Mode", 0x26000201},
    Setting{"Force FFU", 0x26000203},
    Setting{"Enable Platform ID Check", 0x26000204},
    Setting{"Disable Platform ID Check", 0x26000205},
    Setting{"Allow User To Reset Phone", 0x26000206},
    Setting{"Enable UFP Mode", 0x26000207},
    Setting{"Use Mincrypl for Hashing", 0x26000208},
    Setting{"UFP Log Location", 0x25000209},
    Setting{"Memory Capture Mode Address", 0x25000500},
    Setting{"WpDmp Settings File", 0x22000501},
    Setting{"WpDmp Log File", 0x22000502},
    Setting{"OEM Charging Boot Threshold", 0x25000510},
    Setting{"OEM Charging Mode Threshold", 0x25000511},
    Setting{"OEM Charging Mode Enabled", 0x26000512},
    Setting{"BootFlowAPI Global", 0x25000AAA},
    // Options of devices.
    Setting{"Ramdisk SDI Device", 0x31000003},
    Setting{"Ramdisk SDI Path", 0x32000004},
    // Of device makers.
    Setting{"Flashing Action", 0x54000001},
    Setting{"Reset My Phone Action", 0x54000002},
    Setting{"Developer Menu Action", 0x54000003},
};

}  // namespace

const KnownBootObject* find_boot_object(std::string_view name) {
  const auto* const found = std::ranges::find_if(objects, [&](const auto& one) { return same_word(one.name, name); });
  return found != objects.end() ? found : nullptr;
}

const KnownBootObject* boot_object_of(std::string_view id) {
  const auto* const found = std::ranges::find(objects, id, &KnownBootObject::id);
  return found != objects.end() ? found : nullptr;
}

std::vector<std::string_view> boot_object_names() {
  std::vector<std::string_view> names;
  for (const KnownBootObject& object : objects) names.push_back(object.name);
  return names;
}

std::optional<BootFormat> boot_format(std::uint32_t setting) {
  const std::uint32_t setting_class = setting >> 28U;
  const std::uint32_t format = setting >> 24U & 0xFU;
  const bool known_class = (setting_class >= 1 && setting_class <= 3) || setting_class == 5;
  if (!known_class || format < 1 || format > 7) return std::nullopt;
  return BootFormat{static_cast<std::uint8_t>(format)};
}

std::optional<std::uint32_t> find_boot_setting(std::string_view name) {
  const auto* const found = std::ranges::find_if(settings, [&](const auto& one) { return same_word(one.name, name); });
  return found != settings.end() ? std::optional{found->number} : std::nullopt;
}

std::vector<std::string_view> boot_setting_names() {
  std::vector<std::string_view> names;
  for (const Setting& setting : settings) names.push_back(setting.name);
  return names;
}

}  // namespace flashline::imaging
