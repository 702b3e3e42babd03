/*
 * libsrtp at the other end of a pipe.
 *
 *     peer PROFILE KEY [mki=HEX] [clear-rtcp]
 *
 * PROFILE is a name of the crypto suite registry, KEY the master key and salt in hex, used by a sender
 * and by a receiver of its own. Every line of input is a command and a packet in hex:
 *
 *     P packet    protect RTP          U packet    unprotect RTP
 *     p packet    protect RTCP         u packet    unprotect RTCP
 *
 * and earns one line: the resulting packet, or `!` and libsrtp's error number.
 */
#include <srtp2/srtp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PACKET 8192

static void die(const char *what)
{
    fprintf(stderr, "peer: %s\n", what);
    exit(1);
}

static int digit(int c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

/* Reads hex up to the first other character; the number of octets. */
static int from_hex(const char *text, unsigned char *out, int max)
{
    int len = 0;
    while (digit(text[0]) >= 0 && digit(text[1]) >= 0) {
        if (len == max)
            die("too long");
        out[len++] = (unsigned char)(digit(text[0]) << 4 | digit(text[1]));
        text += 2;
    }
    return len;
}

static void set_policy(srtp_policy_t *policy, const char *profile)
{
    if (!strcmp(profile, "AEAD_AES_128_GCM")) {
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy->rtp);
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy->rtcp);
    } else if (!strcmp(profile, "AEAD_AES_256_GCM")) {
        srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy->rtp);
        srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy->rtcp);
    } else if (!strcmp(profile, "AES_CM_128_HMAC_SHA1_80")) {
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy->rtp);
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy->rtcp);
    } else if (!strcmp(profile, "AES_CM_128_HMAC_SHA1_32")) {
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32(&policy->rtp);
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy->rtcp);
    } else if (!strcmp(profile, "AES_256_CM_HMAC_SHA1_80")) {
        srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(&policy->rtp);
        srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(&policy->rtcp);
    } else if (!strcmp(profile, "AES_256_CM_HMAC_SHA1_32")) {
        srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32(&policy->rtp);
        srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(&policy->rtcp);
    } else {
        die("unknown profile");
    }
}

int main(int argc, char **argv)
{
    static char line[2 * MAX_PACKET + 16];
    static unsigned char key[64], mki[128];
    static union {
        unsigned char octets[MAX_PACKET];
        uint32_t alignment;
    } packet;
    srtp_master_key_t master = { key, mki, 0 };
    srtp_master_key_t *masters[1] = { &master };
    srtp_policy_t policy;
    srtp_t sender, receiver;

    if (argc < 3)
        die("peer PROFILE KEY [mki=HEX] [clear-rtcp]");
    memset(&policy, 0, sizeof policy);
    set_policy(&policy, argv[1]);
    from_hex(argv[2], key, sizeof key);
    for (int i = 3; i < argc; i++) {
        if (!strncmp(argv[i], "mki=", 4))
            master.mki_size = (unsigned)from_hex(argv[i] + 4, mki, sizeof mki);
        else if (!strcmp(argv[i], "clear-rtcp"))
            policy.rtcp.sec_serv = sec_serv_auth;
        else
            die("unknown argument");
    }
    if (master.mki_size > 0) {
        policy.keys = masters;
        policy.num_master_keys = 1;
    } else {
        policy.key = key;
    }
    policy.window_size = 128;
    unsigned use_mki = master.mki_size > 0;

    if (srtp_init() != srtp_err_status_ok)
        die("srtp_init");
    policy.ssrc.type = ssrc_any_outbound;
    if (srtp_create(&sender, &policy) != srtp_err_status_ok)
        die("srtp_create: this libsrtp lacks the profile");
    policy.ssrc.type = ssrc_any_inbound;
    if (srtp_create(&receiver, &policy) != srtp_err_status_ok)
        die("srtp_create: this libsrtp lacks the profile");

    while (fgets(line, sizeof line, stdin)) {
        int len = from_hex(line + 2, packet.octets, MAX_PACKET - SRTP_MAX_TRAILER_LEN - 4);
        srtp_err_status_t status = srtp_err_status_fail;
        switch (line[0]) {
        case 'P':
            status = srtp_protect_mki(sender, packet.octets, &len, use_mki, 0);
            break;
        case 'p':
            status = srtp_protect_rtcp_mki(sender, packet.octets, &len, use_mki, 0);
            break;
        case 'U':
            status = srtp_unprotect_mki(receiver, packet.octets, &len, use_mki);
            break;
        case 'u':
            status = srtp_unprotect_rtcp_mki(receiver, packet.octets, &len, use_mki);
            break;
        default:
            die("unknown command");
        }
        if (status != srtp_err_status_ok) {
            printf("!%d\n", (int)status);
        } else {
            for (int i = 0; i < len; i++)
                printf("%02x", packet.octets[i]);
            putchar('\n');
        }
        fflush(stdout);
    }
    return 0;
}
