/* A stub of NVIDIA's libnvidia-ml.so.1, for machines without a GPU: what it says is set by environment variables.
   Built with: gcc -shared -fPIC -Wl,-soname,libnvidia-ml.so.1 -o libnvidia-ml.so.1 fake_nvml.c
   It has what the tests need of nvml.h; nvidia-ml-py sees all else as functions that an old driver does not have.

   FAKE_NVML_DRIVER     version of the driver                              580.95.05
   FAKE_NVML_CUDA       newest CUDA, as NVML numbers it                    13000
   FAKE_NVML_GPUS       NAME:CAPABILITY:MIB;...  empty for none            NVIDIA Fake GPU:8.0:40960
   FAKE_NVML_INIT_RC    error code of the initialisation (9 not loaded, 18 mismatch, 4 no permission)
   FAKE_NVML_FAIL       FUNCTION=CODE,...  calls that fail (3 not supported, 13 not there, 999 unknown)
   FAKE_NVML_MIG        number of MIG instances of the first GPU; 0 for MIG mode without any
   FAKE_NVML_LOST       GPU:N  that GPU is lost (code 15) after N utilisation calls
   FAKE_NVML_XID        GPU:XID:N  that GPU reports that error, once, after N utilisation calls
   FAKE_NVML_PROCESSES  GPU:PID:MIB;...  or @FILE, which is read at every call
   FAKE_NVML_USED       MiB in use on each GPU                             512
   FAKE_NVML_MODE       compute mode (0 default, 2 prohibited, 3 exclusive process)
   FAKE_NVML_THROTTLE   bits of the clocks' event reasons                  1 (idle)
   FAKE_NVML_LOAD       utilisation, one number after the other at each call, the last for ever   7
   FAKE_NVML_ECC        uncorrected errors, in the same way                0
   FAKE_VISIBLE_N       where any is set only those GPUs are there (written by the fake CDI specification)
   NVIDIA_VISIBLE_DEVICES  in a container, as the real toolkit: all, void, indices or UUIDs */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int Code;
typedef unsigned int u32;
typedef unsigned long long u64;
enum { OK, UNINITIALIZED, INVALID, NOT_SUPPORTED, NO_PERMISSION, NOT_FOUND = 6, TOO_SMALL = 7, TIMEOUT = 10, LOST = 15 };
enum { MOST = 16 };

typedef struct device {
  int number;          /* on the host */
  int index;           /* among those that are visible */
  struct device *gpu;  /* of a MIG instance */
  char name[96];
  int major, minor, looks;
  u64 mib;
} *Device;

static struct device gpus[MOST], instances[MOST];
static int gpu_count, mig_count = -1, sessions;

static const char *set(const char *key, const char *otherwise) {
  const char *value = getenv(key);
  return value ? value : otherwise;
}

/* The number at place `n` of a list, or its last. */
static u64 nth(const char *key, const char *otherwise, int n) {
  const char *list = set(key, otherwise);
  while (n-- > 0 && strchr(list, ',')) list = strchr(list, ',') + 1;
  return strtoull(list, NULL, 10);
}

static Code failing(const char *function) {
  const char *found = set("FAKE_NVML_FAIL", "");
  size_t length = strlen(function);
  while ((found = strstr(found, function)) != NULL) {
    if (found[length] == '=') return atoi(found + length + 1);
    found += length;
  }
  return OK;
}

static Code lost(Device device) {
  int number, after;
  if (sscanf(set("FAKE_NVML_LOST", ""), "%d:%d", &number, &after) != 2) return OK;
  return number == device->number && device->looks >= after ? LOST : OK;
}

static void uuid_of(Device device, char *out) {
  if (device->gpu) sprintf(out, "MIG-00000000-0000-0000-%04d-%012d", device->gpu->number, device->number);
  else sprintf(out, "GPU-00000000-0000-0000-0000-%012d", device->number);
}

static int visible(int number) {
  char key[32], uuid[64], *word, *rest = NULL, *copy;
  const char *asked = set("NVIDIA_VISIBLE_DEVICES", "all");
  struct device device = {.number = number};
  int any = 0, found = 0;
  for (int other = 0; other < MOST; other++) {
    sprintf(key, "FAKE_VISIBLE_%d", other);
    any |= getenv(key) != NULL;
  }
  sprintf(key, "FAKE_VISIBLE_%d", number);
  if (any) return getenv(key) != NULL;
  if (!strcmp(asked, "all") || !strcmp(asked, "void") || !*asked) return 1;
  uuid_of(&device, uuid);
  copy = strdup(asked);
  for (word = strtok_r(copy, ",", &rest); word; word = strtok_r(NULL, ",", &rest))
    found |= !strcmp(word, uuid) || (strspn(word, "0123456789") == strlen(word) && atoi(word) == number);
  free(copy);
  return found;
}

static void configure(void) {
  char *copy = strdup(set("FAKE_NVML_GPUS", "NVIDIA Fake GPU:8.0:40960")), *word, *rest = NULL;
  int number = 0;
  gpu_count = 0;
  for (word = strtok_r(copy, ";", &rest); word && number < MOST; word = strtok_r(NULL, ";", &rest), number++) {
    struct device device = {.number = number, .index = gpu_count};
    if (sscanf(word, "%95[^:]:%d.%d:%llu", device.name, &device.major, &device.minor, &device.mib) != 4) continue;
    if (visible(number)) gpus[gpu_count++] = device;
  }
  free(copy);
  if (getenv("FAKE_NVML_MIG") && gpu_count) {
    mig_count = atoi(getenv("FAKE_NVML_MIG"));
    for (int i = 0; i < mig_count && i < MOST; i++) {
      instances[i] = gpus[0];
      instances[i].number = instances[i].index = i;
      instances[i].gpu = &gpus[0];
      instances[i].mib = gpus[0].mib / 8;
      strcat(instances[i].name, " MIG 1g");
    }
  }
}

static Code text(char *out, u32 size, const char *value) {
  if (strlen(value) + 1 > size) return TOO_SMALL;
  strcpy(out, value);
  return OK;
}

#define READY() do { Code code = failing(__func__); if (code) return code; if (!sessions) return UNINITIALIZED; } while (0)
#define ASK(device) do { READY(); Code code = lost((device)->gpu ? (device)->gpu : (device)); if (code) return code; } while (0)
#define WHOLE(device) do { ASK(device); if ((device)->gpu) return NOT_SUPPORTED; } while (0)

/* The library */
Code nvmlInitWithFlags(u32 flags) {
  (void)flags;
  Code code = atoi(set("FAKE_NVML_INIT_RC", "0"));
  if (code) return code;
  if (!sessions++) configure();
  return OK;
}
Code nvmlShutdown(void) { if (!sessions) return UNINITIALIZED; sessions--; return OK; }
const char *nvmlErrorString(Code code) { return code == LOST ? "GPU is lost" : "Unknown Error"; }

/* The driver */
Code nvmlSystemGetDriverVersion(char *out, u32 size) { READY(); return text(out, size, set("FAKE_NVML_DRIVER", "580.95.05")); }
Code nvmlSystemGetCudaDriverVersion_v2(int *out) { READY(); *out = atoi(set("FAKE_NVML_CUDA", "13000")); return OK; }

/* Devices */
Code nvmlDeviceGetCount_v2(u32 *out) { READY(); *out = gpu_count; return OK; }
Code nvmlDeviceGetHandleByIndex_v2(u32 index, Device *out) {
  READY();
  if ((int)index >= gpu_count) return INVALID;
  *out = &gpus[index];
  return lost(*out);
}
Code nvmlDeviceGetHandleByUUID(const char *uuid, Device *out) {
  READY();
  char own[64];
  for (int i = 0; i < gpu_count + (mig_count > 0 ? mig_count : 0); i++) {
    *out = i < gpu_count ? &gpus[i] : &instances[i - gpu_count];
    uuid_of(*out, own);
    if (!strcmp(uuid, own)) return OK;
  }
  return NOT_FOUND;
}
Code nvmlDeviceGetName(Device device, char *out, u32 size) { ASK(device); return text(out, size, device->name); }
Code nvmlDeviceGetUUID(Device device, char *out, u32 size) { ASK(device); char own[64]; uuid_of(device, own); return text(out, size, own); }
Code nvmlDeviceGetCudaComputeCapability(Device device, int *major, int *minor) { ASK(device); *major = device->major; *minor = device->minor; return OK; }
Code nvmlDeviceGetComputeMode(Device device, u32 *out) { WHOLE(device); *out = atoi(set("FAKE_NVML_MODE", "0")); return OK; }
Code nvmlDeviceGetEccMode(Device device, u32 *now, u32 *next) { WHOLE(device); *now = *next = 1; return OK; }

/* MIG */
Code nvmlDeviceGetMigMode(Device device, u32 *now, u32 *next) {
  WHOLE(device);
  if (device->major < 8) return NOT_SUPPORTED;
  *now = *next = mig_count >= 0 && device == &gpus[0];
  return OK;
}
Code nvmlDeviceGetMaxMigDeviceCount(Device device, u32 *out) { ASK(device); *out = 7; return OK; }
Code nvmlDeviceGetMigDeviceHandleByIndex(Device device, u32 index, Device *out) {
  ASK(device);
  /* Every second place is empty, as after instances were destroyed. */
  if (device != &gpus[0] || index % 2 || (int)index / 2 >= mig_count) return NOT_FOUND;
  *out = &instances[index / 2];
  return OK;
}

/* What devices do */
struct memory { u64 total, free, used; };
Code nvmlDeviceGetMemoryInfo(Device device, struct memory *out) {
  ASK(device);
  out->total = device->mib << 20;
  out->used = nth("FAKE_NVML_USED", "512", 0) << 20;
  out->free = out->total - out->used;
  return OK;
}
Code nvmlDeviceGetUtilizationRates(Device device, u32 out[2]) {
  WHOLE(device);
  out[0] = nth("FAKE_NVML_LOAD", "7", device->looks++);
  out[1] = out[0] / 2;
  return OK;
}
Code nvmlDeviceGetPowerUsage(Device device, u32 *out) { WHOLE(device); *out = 100000 + 1000 * nth("FAKE_NVML_LOAD", "7", device->looks); return OK; }
Code nvmlDeviceGetTotalEnergyConsumption(Device device, u64 *out) { WHOLE(device); *out = 1000000 + 5000ULL * device->looks; return OK; }
Code nvmlDeviceGetTemperature(Device device, u32 sensor, u32 *out) { WHOLE(device); (void)sensor; *out = 33 + device->looks; return OK; }
Code nvmlDeviceGetClockInfo(Device device, u32 clock, u32 *out) { WHOLE(device); (void)clock; *out = 1410; return OK; }
Code nvmlDeviceGetCurrentClocksEventReasons(Device device, u64 *out) { WHOLE(device); *out = strtoull(set("FAKE_NVML_THROTTLE", "1"), NULL, 0); return OK; }
Code nvmlDeviceGetCurrentClocksThrottleReasons(Device device, u64 *out) { WHOLE(device); *out = strtoull(set("FAKE_NVML_THROTTLE", "1"), NULL, 0); return OK; }
Code nvmlDeviceGetTotalEccErrors(Device device, u32 type, u32 counter, u64 *out) {
  WHOLE(device);
  (void)counter;
  *out = type == 1 ? nth("FAKE_NVML_ECC", "0", device->looks) : 0;
  return OK;
}

/* Events: the set is not looked at, there is one for all */
struct event { Device device; u64 type, data; u32 gpu_instance, compute_instance; };
static u32 watched;
static int reported;
Code nvmlEventSetCreate(void **out) { READY(); *out = &watched; return OK; }
Code nvmlEventSetFree(void *set_of_events) { READY(); (void)set_of_events; return OK; }
Code nvmlDeviceRegisterEvents(Device device, u64 types, void *set_of_events) {
  WHOLE(device);
  (void)set_of_events;
  if (types != 8) return NOT_SUPPORTED;
  watched |= 1u << device->number;
  return OK;
}
Code nvmlEventSetWait_v2(void *set_of_events, struct event *out, u32 milliseconds) {
  READY();
  (void)set_of_events, (void)milliseconds;
  int number, xid, after;
  if (sscanf(set("FAKE_NVML_XID", ""), "%d:%d:%d", &number, &xid, &after) == 3 && watched >> number & 1 && !reported)
    for (int i = 0; i < gpu_count; i++)
      if (gpus[i].number == number && gpus[i].looks >= after) {
        *out = (struct event){.device = &gpus[i], .type = 8, .data = xid};
        reported = 1;
        return OK;
      }
  return TIMEOUT;
}

/* Their processes; _v2 and _v3 fill the same structure */
struct process { u32 pid; u64 bytes; u32 gpu_instance, compute_instance; };
static Code processes(Device device, u32 *count, struct process *out) {
  char list[4096] = "", *word, *rest = NULL;
  const char *given = set("FAKE_NVML_PROCESSES", "");
  u32 found = 0, room = *count;
  strncpy(list, given, sizeof list - 1);
  if (*given == '@') {
    FILE *file = fopen(given + 1, "r");
    *list = 0;
    if (file) { list[fread(list, 1, sizeof list - 1, file)] = 0; fclose(file); }
  }
  for (word = strtok_r(list, ";\n", &rest); word; word = strtok_r(NULL, ";\n", &rest)) {
    int number;
    struct process process = {.gpu_instance = -1, .compute_instance = -1};
    if (sscanf(word, "%d:%u:%llu", &number, &process.pid, &process.bytes) != 3 || number != device->number) continue;
    process.bytes <<= 20;
    if (out && found < room) out[found] = process;
    found++;
  }
  *count = found;
  return found > room ? TOO_SMALL : OK;
}
Code nvmlDeviceGetComputeRunningProcesses_v3(Device device, u32 *count, struct process *out) { WHOLE(device); return processes(device, count, out); }
Code nvmlDeviceGetComputeRunningProcesses_v2(Device device, u32 *count, struct process *out) { WHOLE(device); return processes(device, count, out); }
