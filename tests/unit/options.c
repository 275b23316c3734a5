/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* options - command lines become configurations, or one line for each thing that is wrong. */

#include "options.h"

#include <string.h>

/* A line, and the configuration that it makes. */
static const struct {
    const char *line, *config;
} good[] = {
    { "", "" },
    { "-S", "[S]" },
    { "--nographic --no-reboot", "[nographic] [action] reboot=shutdown" },
    { "-no-shutdown -action panic=none", "[action] shutdown=pause panic=none" },
    { "-machine pc", "[machine] type=pc" },
    { "-machine type=pc,accel=kvm:tcg", "[machine] type=pc accel=kvm:tcg" },
    { "-machine q35 -S -M accel=kvm,x-own=1 -machine pc",
      "[machine] type=pc accel=kvm x-own=1 [S]" },
    { "-machine pc,smp.cpus=4,memory.size=64,memory.max-size=1G,boot.order=c",
      "[machine] type=pc [smp-opts] cpus=4 [memory] size=64M maxmem=1G [boot-opts] order=c" },
    { "-M kernel_irqchip=split", "[machine] kernel-irqchip=split" },
    { "-enable-kvm", "[machine] accel=kvm" },
    { "-no-acpi -no-hpet -usb", "[machine] acpi=off hpet=off usb=on" },
    { "-kernel a,b -append 'x=1,2 y' -initrd 'm a=b,n' -dtb d -bios f",
      "[machine] kernel=a,b append=x=1,2 y initrd=m a=b,n dtb=d firmware=f" },
    { "-cpu host,+avx,-sse,x=on", "[cpu] model=host,+avx,-sse,x=on" },
    { "-cpu a -cpu b", "[cpu] model=b" },
    { "-accel kvm,kernel-irqchip=off -accel tcg",
      "[accel] accel=kvm kernel-irqchip=off [accel] accel=tcg" },
    { "-smp 2,sockets=1 -smp cores=2", "[smp-opts] cpus=2 sockets=1 cores=2" },
    { "-m 512", "[memory] size=512M" },
    { "-m 4g,slots=2,maxmem=8G", "[memory] size=4g slots=2 maxmem=8G" },
    { "-m size=262144k", "[memory] size=262144k" },
    { "-m 1.5G", "[memory] size=1.5G" },
    { "-mem-path /dev/shm -mem-prealloc", "[mem-path] path=/dev/shm [mem-prealloc]" },
    { "-name vm -name process=p,debug-threads=on", "[name] guest=vm process=p debug-threads=on" },
    { "-name 'a,,b'", "[name] guest=a,b" },
    { "-name 'a,,,process=,,'", "[name] guest=a, process=," },
    { "-name guest=a=b", "[name] guest=a=b" },
    { "-boot dc,menu=on", "[boot-opts] order=dc menu=on" },
    { "-boot once=d,menu,strict=off", "[boot-opts] once=d menu=on strict=off" },
    { "-rtc base=2012-11-06T22:22:22,clock=vm", "[rtc] base=2012-11-06T22:22:22 clock=vm" },
    { "-localtime -rtc-td-hack", "[rtc] base=localtime driftfix=slew" },
    { "-uuid 12345678-1234-1234-1234-123456789abc",
      "[uuid] uuid=12345678-1234-1234-1234-123456789abc" },
    { "-device edu,id=e0,delay=5", "[device#e0] driver=edu delay=5" },
    { "-device driver=edu -device edu", "[device] driver=edu [device] driver=edu" },
    { "-device edu,on-its-own,", "[device] driver=edu on-its-own=on" },
    { "-device '{\"driver\":\"x\",\"id\":\"a\",\"n\":-1,\"b\":true,\"c\":false,\"z\":null}'",
      "[device#a] driver=x n=-1 b=on c=off z=" },
    { "-device \"{'driver':'x','s':'say \\\"hi\\\", it\\\\'s'}\"",
      "[device] driver=x s=say \"hi\", it's" },
    { "-device '{\"driver\":\"x\",\"a\":{\"b\":[\"c\",{\"d\":1.5}]}}'",
      "[device] driver=x a.b.0=c a.b.1.d=1.5" },
    { "-device x,a.b.0=c", "[device] driver=x a.b.0=c" },
    { "-netdev user,id=n,hostfwd=a,hostfwd=b,restrict",
      "[netdev#n] type=user hostfwd=a hostfwd=b restrict=on" },
    { "-netdev '{\"type\":\"user\",\"id\":\"n\",\"hostfwd\":[{\"str\":\"a\"},{\"str\":\"b\"}]}'",
      "[netdev#n] type=user hostfwd=a hostfwd=b" },
    { "-object memory-backend-ram,id=m,size=1G,host-nodes=0,host-nodes=2-3",
      "[object#m] qom-type=memory-backend-ram size=1G host-nodes=0 host-nodes=2-3" },
    { "-object '{\"qom-type\":\"memory-backend-ram\",\"id\":\"m\",\"host-nodes\":[0,1]}'",
      "[object#m] qom-type=memory-backend-ram host-nodes=0 host-nodes=1" },
    { "-chardev socket,id=c,path=p,server,nowait",
      "[chardev#c] backend=socket path=p server=on wait=off" },
    { "-serial stdio -serial file:a,b", "[serial] dev=stdio [serial] dev=file:a,b" },
    { "-monitor none -parallel none -debugcon file:x",
      "[monitor] dev=none [parallel] dev=none [debugcon] dev=file:x" },
    { "-global kvm-pit.lost_tick_policy=a.b=c",
      "[global] driver=kvm-pit property=lost_tick_policy value=a.b=c" },
    { "-global driver=cfi.pflash01,property=secure,value=on",
      "[global] driver=cfi.pflash01 property=secure value=on" },
    { "-fw_cfg opt/x,string=a -fw_cfg name=opt/y,file=f",
      "[fw_cfg] name=opt/x string=a [fw_cfg] name=opt/y file=f" },
    { "-smbios type=11,value=a,value=b", "[smbios] type=11 value=a value=b" },
    { "disk.img", "[drive] index=0 media=disk file=disk.img" },
    { "-cdrom a,b=c", "[drive] index=2 media=cdrom file=a,b=c" },
    { "-fda f -pflash p", "[drive] if=floppy index=0 file=f [drive] if=pflash file=p" },
    { "-display none -vga none -net none -nic none",
      "[display] type=none [vga] type=none [net] type=none [nic] type=none" },
    { "-display vnc=:1,password -vnc :2,websocket=5701",
      "[vnc] vnc=:1 password=on [vnc] vnc=:2 websocket=5701" },
    { "-sdl -no-frame", "[display] type=sdl frame=off" },
    { "-s", "[gdb] dev=tcp::1234" },
    { "-d a,b -D file -L x -L y", "[d] value=a,b [D] file=file [L] path=x [L] path=y" },
    { "-drive file=a,id=d0 -set drive.d0.cache=none", "[drive#d0] file=a cache=none" },
    { "-device x,id=pci.1 -set device.pci.1.addr.y=3", "[device#pci.1] driver=x addr.y=3" },
    { "-realtime mlock=on -overcommit cpu-pm=off", "[overcommit] mem-lock=on cpu-pm=off" },
    { "-overcommit mem-lock=off,cpu-pm -msg timestamp",
      "[overcommit] mem-lock=off cpu-pm=on [msg] timestamp=on" },
    { "-soundhw ac97,hda -balloon virtio", "[soundhw] names=ac97,hda [balloon] type=virtio" },
    { "-watchdog i6300esb -watchdog-action pause",
      "[watchdog] model=i6300esb [action] watchdog=pause" },
    { "-net nic,model=e1000 -net dump,file=x",
      "[net] type=nic model=e1000 [net] type=dump file=x" },
    { "-trace 'enable=a*,event=f' -icount auto", "[trace] enable=a* events=f [icount] shift=auto" },
};

static void test_good(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(good); i++) {
        struct run run;
        char *dump;

        run_line(&run, good[i].line);
        g_assert_cmpstr(run.said->str, ==, "");
        g_assert_cmpint(run.ret, ==, 0);
        g_assert_cmpint(run.want.action, ==, OPTIONS_RUN);
        dump = config_dump(run.config);
        g_assert_cmpstr(dump, ==, good[i].config);
        g_free(dump);
        assert_round_trip(run.config);
        run_end(&run);
    }
}

/* A line, and what is said of it. */
static const struct {
    const char *line, *said;
} bad[] = {
    { "-nographics", "-nographics: no such option; did you mean -nographic?\n" },
    { "-machien pc -S", "-machien: no such option; did you mean -machine?\n" },
    { "--qwertyuiop", "--qwertyuiop: no such option (-h lists them)\n" },
    { "-", "-: no such option (-h lists them)\n" },
    { "-m", "-m: an argument is missing\n" },
    { "-m 4q", "-m 4q: size must be a size such as 512 (MiB), 262144k or 4G, not \"4q\"\n" },
    { "-m ''", "-m : size must be a size such as 512 (MiB), 262144k or 4G, not \"\"\n" },
    { "-m -1", "-m -1: size must be a size such as 512 (MiB), 262144k or 4G, not \"-1\"\n" },
    { "-m 1,slots=many", "-m 1,slots=many: slots must be a number, not \"many\"\n" },
    { "-m 99999999999999999999",
      "-m 99999999999999999999: size must be a size such as 512 (MiB), 262144k or 4G, "
      "not \"99999999999999999999\"\n" },
    { "-boot ordr=dc", "-boot ordr=dc: no key \"ordr\"; did you mean order?\n" },
    { "-boot order=dd", "-boot order=dd: order must be letters from a to p, each once, such as dc, "
                        "not \"dd\"\n" },
    { "-boot splash", "-boot splash: order must be letters from a to p, each once, such as dc, "
                      "not \"splash\"\n" },
    { "-boot c,splash", "-boot c,splash: splash needs a value: splash=FILE\n" },
    { "-boot c,menu=maybe", "-boot c,menu=maybe: menu must be on or off, not \"maybe\"\n" },
    { "-rtc clock=fast", "-rtc clock=fast: clock must be host, rt or vm, not \"fast\"\n" },
    { "-rtc base=2023-02-29", "-rtc base=2023-02-29: base must be utc, localtime or a date such as "
                              "2024-12-31T23:59:59, not \"2023-02-29\"\n" },
    { "-rtc zzz=1", "-rtc zzz=1: no key \"zzz\"; there are base, clock, driftfix\n" },
    { "-name =x", "-name =x: no key \"\"; there are guest, process, debug-threads\n" },
    { "-uuid x",
      "-uuid x: uuid must be 32 hexadecimal digits in groups of 8-4-4-4-12, not \"x\"\n" },
    { "-action reboot=halt",
      "-action reboot=halt: reboot must be reset or shutdown, not \"halt\"\n" },
    { "-vga vogue",
      "-vga vogue: type must be none, std, cirrus, vmware, qxl, virtio, xenfb, tcx or "
      "cg3, not \"vogue\"\n" },
    { "-device id=a", "-device id=a: driver= is missing\n" },
    { "-device ''", "-device : driver must be a name, or the path of a plugin, not \"\"\n" },
    { "-chardev null", "-chardev null: id= is missing\n" },
    { "-device edu,id=a -device pc-testdev,id=a",
      "-device pc-testdev,id=a: id \"a\" is taken by -device edu,id=a\n" },
    { "-device edu,id=1x", "-device edu,id=1x: id \"1x\" must begin with a letter and go on with "
                           "letters, digits, '-', '.' and '_', 127 at most\n" },
    { "-device edu,a\\ b=1", "-device edu,a b=1: a key is made of letters, digits and -_.:+/@[] "
                             "(no [ at first), not \"a b\"\n" },
    { "-device 'edu,[a=1'", "-device edu,[a=1: a key is made of letters, digits and -_.:+/@[] (no "
                            "[ at first), not \"[a\"\n" },
    { "-m '{\"size\":true}'",
      "-m {\"size\":true}: size must be a size such as 512 (MiB), 262144k or 4G, not \"on\"\n" },
    { "-serial foo",
      "-serial foo: dev must be stdio, file:PATH, null, none, chardev:ID, pty, vc, pipe:PATH, "
      "tcp:HOST:PORT, udp:HOST:PORT, unix:PATH, mon:DEV or a device such as /dev/ttyS0, not "
      "\"foo\"\n" },
    { "-serial null -serial null -serial null -serial null -serial stdio",
      "-serial stdio: there can be 4 at most\n" },
    { "-global foo", "-global foo: no key \"foo\"; there are driver, property, value\n" },
    { "-set foo", "-set foo: must be GROUP.ID.KEY=VALUE\n" },
    { "-set drive.d.file=x", "-set drive.d.file=x: there is no drive \"d\" so far\n" },
    { "-drive id=c -drive id=d -set drive.d.id=c",
      "-drive id=d: id \"c\" is taken by -drive id=c\n" },
    { "-drive id=d -set drive.d.index=x",
      "-set drive.d.index=x: index must be a number, not \"x\"\n" },
    { "-readconfig /does/not/exist",
      "-readconfig: cannot open /does/not/exist: No such file or directory\n" },
    { "-smp x -rtc x -S", "-smp x: cpus must be a number, not \"x\"\n"
                          "-rtc x: no key \"x\"; there are base, clock, driftfix\n" },
    { "-spice zzzzzz", "-spice zzzzzz: no key \"zzzzzz\"\n" },
    { "-smp x -h", "-smp x: cpus must be a number, not \"x\"\n" },
};

static void test_bad(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        struct run run;

        run_line(&run, bad[i].line);
        g_assert_cmpstr(run.said->str, ==, bad[i].said);
        g_assert_cmpint(run.ret, ==, -EINVAL);
        run_end(&run);
    }
}

/* JSON that is none; the words of the complaint are the library's. */
static void test_bad_json(void)
{
    static const char *const lines[] = {
        "-device '{\"driver\":'",
        "-device '{\"driver\":\"a\"} x'",
        "-device '{\"driver\":\"a\",\"driver\":\"b\"}'",
        "-device \"{'driver':'a\"",
        "-device '{\"driver\":\"a\\u0000\"}'",
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(lines); i++) {
        struct run run;

        run_line(&run, lines[i]);
        g_assert_cmpint(run.ret, ==, -EINVAL);
        g_assert_nonnull(strstr(run.said->str, ": bad JSON at column "));
        g_assert_true(strchr(run.said->str, '\n') == run.said->str + run.said->len - 1);
        run_end(&run);
    }
}

/* An object in an object, and so on, comes to an end. */
static void test_deep_json(void)
{
    char *open = g_strnfill(1000, '['), *close = g_strnfill(1000, ']');
    char *line = g_strdup_printf("-device '{\"driver\":\"x\",\"a\":%s%s}'", open, close);
    struct run run;

    run_line(&run, line);
    g_assert_cmpint(run.ret, ==, -EINVAL);
    g_assert_nonnull(strstr(run.said->str, "JSON deeper than 32 levels"));
    run_end(&run);
    g_free(open);
    g_free(close);
    g_free(line);
}

/* A line, and what of it is not there yet, when there are no backends but the core's. */
static const struct {
    const char *line, *said;
} later[] = {
    { "-machine pc -m 64 -kernel k -serial stdio -nographic -S -device edu", "" },
    { "-machine none,accel=kvm:tcg,usb=off -net none -vga none -display none -monitor none", "" },
    { "-accel kvm -accel tcg -serial null -serial none -serial file:x -serial chardev:c", "" },
    { "-chardev stdio,id=a -chardev file,id=b,path=p -chardev null,id=c,mux=off", "" },
    { "-object memory-backend-file,id=m,size=1M,mem-path=x", "" },
    { "-vnc none -balloon none -qmp none -machine nvdimm=off", "" },
    { "-vnc :1,password -balloon virtio",
      "-vnc :1,password: not in this build yet\n-balloon virtio: not in this build yet\n" },
    { "-soundhw ac97", "-soundhw ac97: not in this build yet\n" },
    { "-soundhw ac97 -snapshot disk.img -usb", "-soundhw ac97: not in this build yet\n"
                                               "-snapshot: not in this build yet\n"
                                               "disk.img: not in this build yet\n"
                                               "-usb: not in this build yet\n" },
    { "-machine pc,accel=tcg", "-machine pc,accel=tcg: accel=tcg: not in this build yet\n" },
    { "-accel tcg -accel xen",
      "-accel tcg: not in this build yet\n-accel xen: not in this build yet\n" },
    { "-accel kvn", "-accel kvn: there is no accel \"kvn\"; did you mean kvm?\n" },
    { "-chardev testdev,id=a,mux=on", "-chardev testdev,id=a,mux=on: not in this build yet\n" },
    { "-serial testdev -serial mon:testdev -serial mon:stdio",
      "-serial testdev: not in this build yet\n"
      "-serial mon:testdev: not in this build yet\n" },
    { "-display sdl,gl=on -no-frame",
      "-display sdl,gl=on: not in this build yet\n-no-frame: not in this build yet\n" },
    { "-no-frame -no-quit", "-no-frame: not in this build yet\n-no-quit: not in this build yet\n" },
    { "-net nic -netdev user,id=n", "-net nic: not in this build yet\n"
                                    "-netdev user,id=n: not in this build yet\n" },
    { "-no-fd-bootchk -machine graphics=off,accel=qtest -no-hpet", "" },
    { "-machine usb=on -m 1G,slots=2,maxmem=2G",
      "-machine usb=on: not in this build yet\n"
      "-m 1G,slots=2,maxmem=2G: slots=2: not in this build yet\n"
      "-m 1G,slots=2,maxmem=2G: maxmem=2G: not in this build yet\n" },
    { "-machine pc-q35-8.1", "-machine pc-q35-8.1: not in this build yet\n" },
    { "-watchdog-action reset", "-watchdog-action reset: not in this build yet\n" },
    { "-realtime mlock=on -s", "-s: not in this build yet\n" },
    { "-msg timestamp=on,guest-name=on",
      "-msg timestamp=on,guest-name=on: guest-name=on: not in this build yet\n" },
};

static void test_later(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(later); i++) {
        struct run run;

        run_line(&run, later[i].line);
        g_assert_cmpint(run.ret, ==, 0);
        run.ret = options_check(run.config, NULL);
        g_assert_cmpstr(run.said->str, ==, later[i].said);
        g_assert_cmpint(run.ret, ==, *later[i].said ? -ENOTSUP : 0);
        run_end(&run);
    }
}

static bool pty_is_there(void *arg, const char *kind, const char *name)
{
    return strcmp(kind, arg) == 0 && strcmp(name, "pty") == 0;
}

static bool knows_pyt(void *arg, const char *kind, const char *name, const char *where)
{
    if (strcmp(name, "pyt") == 0)
        report(where, "turn it round");
    return strcmp(name, "pyt") == 0;
}

/* What a plugin brings is there, wherever a chardev is named. */
static void test_available(void)
{
    struct options_host host = { "chardev", pty_is_there, knows_pyt };
    struct run run;

    run_line(&run, "-chardev pty,id=a -serial pty");
    g_assert_cmpint(options_check(run.config, &host), ==, 0);
    host.arg = "netdev";
    g_assert_cmpint(options_check(run.config, &host), ==, -ENOTSUP);
    run_end(&run);

    run_line(&run, "-chardev pyt,id=a -chardev sokcet,id=b -chardev ./mine.so,id=c -M q35 -M q36");
    g_assert_cmpint(options_check(run.config, &host), ==, -ENOTSUP);
    g_assert_cmpstr(run.said->str, ==,
                    "-chardev pyt,id=a: turn it round\n"
                    "-chardev sokcet,id=b: there is no chardev \"sokcet\"; did you mean socket?\n"
                    "-chardev ./mine.so,id=c: there is no chardev \"./mine.so\"\n"
                    "-M q36: there is no machine \"q36\"; did you mean q35?\n");
    g_assert_cmpint(options_check_name("device", "virtio-blk-pci", "-x", &host), ==, -ENOTSUP);
    g_assert_true(g_str_has_suffix(run.said->str, "\n-x: not in this build yet\n"));
    run_end(&run);
}

static void test_want(void)
{
    static const struct {
        const char *line;
        enum options_action action;
        const char *kind, *name;
    } wants[] = {
        { "-h", OPTIONS_HELP, NULL, NULL },
        { "--help -nonsense", OPTIONS_HELP, NULL, NULL },
        { "-display none -help", OPTIONS_HELP, NULL, NULL },
        { "-version", OPTIONS_VERSION, NULL, NULL },
        { "-device help", OPTIONS_LIST, "device", NULL },
        { "-device ?", OPTIONS_LIST, "device", NULL },
        { "-device edu,help", OPTIONS_LIST, "device", "edu" },
        { "-S -device driver=edu,?", OPTIONS_LIST, "device", "edu" },
        { "-device edu,id=x,help", OPTIONS_LIST, "device", "edu" },
        { "-machine help", OPTIONS_LIST, "machine", NULL },
        { "-M ?", OPTIONS_LIST, "machine", NULL },
        { "-M pc,help", OPTIONS_LIST, "machine", "pc" },
        { "-cpu ?", OPTIONS_LIST, "cpu", NULL },
        { "-accel help -device help", OPTIONS_LIST, "accel", NULL },
        { "-chardev help", OPTIONS_LIST, "chardev", NULL },
        { "-vga help", OPTIONS_LIST, "vga", NULL },
        { "-object memory-backend-ram,help", OPTIONS_LIST, "object", "memory-backend-ram" },
        { "-device edu,x=help", OPTIONS_RUN, NULL, NULL },
        { "-append help", OPTIONS_RUN, NULL, NULL },
        { "-cpu host,help", OPTIONS_RUN, NULL, NULL },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(wants); i++) {
        struct run run;

        run_line(&run, wants[i].line);
        g_assert_cmpstr(run.said->str, ==, "");
        g_assert_cmpint(run.ret, ==, 0);
        g_assert_cmpint(run.want.action, ==, wants[i].action);
        g_assert_cmpstr(run.want.kind, ==, wants[i].kind);
        g_assert_cmpstr(run.want.name, ==, wants[i].name);
        run_end(&run);
    }
}

static void test_typed_values(void)
{
    const struct config_group *memory, *smp, *boot, *device;
    uint64_t size = 7;
    int64_t n = 7;
    bool on = false;
    struct run run;

    run_line(&run, "-m 64,maxmem=0x1000 -smp 0x10 -boot menu=y -device x,kay=5z");
    memory = config_find(run.config, "memory", NULL);
    smp = config_find(run.config, "smp-opts", NULL);
    boot = config_find(run.config, "boot-opts", NULL);
    device = config_find(run.config, "device", NULL);
    g_assert_cmpint(group_size(memory, "size", 0, UINT64_MAX, &size), ==, 0);
    g_assert_cmpuint(size, ==, 64 << 20);
    g_assert_cmpint(group_size(memory, "maxmem", 0, UINT64_MAX, &size), ==, 0);
    g_assert_cmpuint(size, ==, 4096);
    g_assert_cmpint(group_number(smp, "cpus", 1, 16, &n), ==, 0);
    g_assert_cmpint(n, ==, 16);
    g_assert_cmpint(group_number(smp, "cores", 1, 16, &n), ==, 0); /* absent: as it was */
    g_assert_cmpint(n, ==, 16);
    g_assert_cmpint(group_bool(boot, "menu", &on), ==, 0);
    g_assert_true(on);
    g_assert_cmpint(group_bool(NULL, "menu", &on), ==, 0);
    g_assert_cmpstr(group_string(NULL, "x", "y"), ==, "y");
    g_assert_cmpstr(run.said->str, ==, "");

    g_assert_cmpint(group_number(smp, "cpus", 1, 8, &n), ==, -EINVAL);
    g_assert_cmpint(group_size(memory, "size", 0, 1024, &size), ==, -EINVAL);
    g_assert_cmpint(group_number(device, "kay", 0, 9, &n), ==, -EINVAL);
    g_assert_cmpint(group_bool(device, "kay", &on), ==, -EINVAL);
    g_assert_cmpint(group_allow(device, (const char *const[]){ "driver", "key", NULL }), ==,
                    -EINVAL);
    g_assert_cmpstr(run.said->str, ==,
                    "-smp 0x10: cpus must be a number from 1 to 8, not \"0x10\"\n"
                    "-m 64,maxmem=0x1000: size must be a size from 0 to 1024 bytes, not \"64M\"\n"
                    "-device x,kay=5z: kay must be a number from 0 to 9, not \"5z\"\n"
                    "-device x,kay=5z: kay must be on or off, not \"5z\"\n"
                    "-device x,kay=5z: no key \"kay\" here; did you mean key?\n");
    run_end(&run);
}

/* A very long option is shortened in messages, which stay one line each. */
static void test_typed_is_short(void)
{
    char *long_name = g_strnfill(5000, 'x'), *line = g_strdup_printf("-rtc 'a\nb%s'", long_name);
    struct run run;

    run_line(&run, line);
    g_assert_cmpint(run.ret, ==, -EINVAL);
    g_assert_true(g_str_has_prefix(run.said->str, "-rtc a bxxx"));
    g_assert_nonnull(strstr(run.said->str, "xxx...: no key"));
    run_end(&run);
    g_free(long_name);
    g_free(line);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/options/good", test_good);
    g_test_add_func("/options/bad", test_bad);
    g_test_add_func("/options/bad-json", test_bad_json);
    g_test_add_func("/options/deep-json", test_deep_json);
    g_test_add_func("/options/later", test_later);
    g_test_add_func("/options/available", test_available);
    g_test_add_func("/options/want", test_want);
    g_test_add_func("/options/typed-values", test_typed_values);
    g_test_add_func("/options/typed-is-short", test_typed_is_short);
    return g_test_run();
}
