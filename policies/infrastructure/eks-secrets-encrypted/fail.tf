resource "aws_eks_cluster" "old" {
  name    = "shop"
  version = "1.27" # expect[old-version low certain]: Secrets of `aws_eks_cluster.old` are not encrypted on their own: version 1.27 does not do that by itself
}

module "old" {
  source          = "terraform-aws-modules/eks/aws"
  version         = "17.24.0"
  cluster_version = "1.21" # expect[old-version]: Secrets of `module.old`
}

module "off" {
  source                    = "terraform-aws-modules/eks/aws"
  version                   = "~> 19.0"
  cluster_version           = "1.26" # expect[old-version]: Secrets of `module.off`
  cluster_encryption_config = {}
}
