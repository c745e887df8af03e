resource "aws_eks_cluster" "shop" { # expect[missing low likely]: pods of `aws_eks_cluster.shop` cannot have roles of their own: there is no OIDC provider and no Pod Identity agent
  name = "shop"
}

resource "aws_eks_addon" "dns" {
  cluster_name = aws_eks_cluster.shop.name
  addon_name   = "coredns"
}

# For pipelines, not for pods.
resource "aws_iam_openid_connect_provider" "github" {
  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}

module "off" {
  source      = "terraform-aws-modules/eks/aws"
  version     = "~> 20.0"
  enable_irsa = false # expect[switched-off low likely]: pods of `module.off` cannot have roles of their own: `enable_irsa` is `false`, and there is no Pod Identity agent
  cluster_addons = {
    coredns = {}
  }
}
