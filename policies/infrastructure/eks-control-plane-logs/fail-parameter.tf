# params: {"required": ["api", "audit", "authenticator"]}
resource "aws_eks_cluster" "shop" {
  name                      = "shop"
  enabled_cluster_log_types = ["audit"] # expect[missing]: does not log `api` and `authenticator`
}
