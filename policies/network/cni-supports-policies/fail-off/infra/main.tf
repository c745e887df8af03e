resource "aws_eks_addon" "cni" {
  cluster_name = "main"
  addon_name   = "vpc-cni"
  # label: this add-on does not enforce it
  configuration_values = jsonencode({ enableNetworkPolicy = "false", env = { ENABLE_PREFIX_DELEGATION = "true" } })
}
