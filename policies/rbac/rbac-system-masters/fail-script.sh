#!/bin/sh
# Not "/O=system:masters", please.
openssl genrsa -out admin.key 2048
openssl req -new -key admin.key -subj "/O=system:masters/CN=admin" -out admin.csr # expect[certificate]: it makes a certificate of the group `system:masters` # excerpt: O=system:masters
